#include "channel.hpp"

#include "exec_channel.hpp"
#include "webhook_channel.hpp"

namespace trainbus {

std::unique_ptr<Channel> make_channel(const ChannelSpec& spec) {
  if (spec.exec.empty()) return make_webhook_channel(spec);
  return std::make_unique<ExecChannel>(spec.exec, spec.timeout);
}

}  // namespace trainbus

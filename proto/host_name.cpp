#include "trainbus/host_name.hpp"

#include <unistd.h>

namespace trainbus {

std::string host_name() {
  char host[65] = "localhost";
  gethostname(host, sizeof host - 1);
  return host;
}

}  // namespace trainbus

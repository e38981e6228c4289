#include "tile_picture.hpp"

#include "tile_strip.hpp"

namespace trainbus {

const std::shared_ptr<const std::string>& TilePicture::bytes() {
  if (!std::exchange(joined_, true)) {
    thread_local v1::MetricsRequest message;  // reused: 350 KB are then parsed without allocating
    if (message.ParseFromString(*message_) && message.has_batch_data() && join_images(*message.mutable_batch_data()))
      message_ = std::make_shared<const std::string>(message.SerializeAsString());
  }
  return message_;
}

}  // namespace trainbus

#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "trainbus/producer.hpp"

namespace trainbus {

struct GatewayOptions {
  std::string listen = "127.0.0.1:7770";  // HOST:PORT; port 0: any free one
  std::string broker = trainer_broker();
  std::string spool_dir = default_spool_dir();     // of all sessions; "": in memory
  std::size_t spool_bytes = std::size_t{1} << 30;  // of each session on disk
  std::size_t outbox_bytes = 64 << 20;             // and in memory, where the disk does not take it
  std::string certificate;                         // PEM; with the key: TLS
  std::string private_key;
  std::string token;  // who does not send "authorization: Bearer TOKEN" is refused; "": nobody is
};

// What a client may rely on, and is told when it registers.
inline constexpr std::chrono::milliseconds kSessionHeartbeat{2000};
inline constexpr int kRecordsOnTheirWay = 1 << 16;  // of one session; past them the stream is not read
inline constexpr int kMaxMessageBytes = 16 << 20;

}  // namespace trainbus

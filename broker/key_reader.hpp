#pragma once
// Reads the folder of keys in a thread of its own: a folder that is slow, or hangs with its file server, holds up no
// message.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/key_folder.hpp"

namespace trainbus {

// What one look at the folder found.
struct KeyReading {
  std::uint64_t look = 0;  // which one, as KeyReader::ask() counts
  std::string error;       // why the folder could not be read; the rest is then not said
  bool changed = false;    // since the last one that could be read; the rest is said only then
  std::vector<ClientKey> clients;
  std::vector<std::string> problems;        // one line about each client's file that cannot be used
  std::vector<std::string> broker_secrets;  // Z85: the broker's key in force, then the one before while it is good
  std::string broker_problem;               // why these are not said
};

// Looks every kLookEvery, and when asked. For one thread at the other end, which is never kept waiting.
class KeyReader {
 public:
  static constexpr std::chrono::milliseconds kLookEvery{1'000};
  static constexpr std::chrono::milliseconds kLookApart{100};  // however often it is asked
  static constexpr std::chrono::seconds kEndWithin{1};         // a thread that hangs longer is left behind

  // The first look begins at once.
  explicit KeyReader(const KeyFolder& folder);
  ~KeyReader();
  KeyReader(const KeyReader&) = delete;
  KeyReader& operator=(const KeyReader&) = delete;

  // The number of a look that begins after this call. `whole`: it counts as changed whatever the files' dates say.
  std::uint64_t ask(bool whole = false);
  // The next one that is done; nullptr when none is.
  std::unique_ptr<KeyReading> take();
  // Waits for it, this long at most.
  std::unique_ptr<KeyReading> wait(std::chrono::milliseconds limit);
  // Readable while one waits to be taken.
  int fd() const;
  // How long the look at work has been so; 0: none is.
  std::chrono::milliseconds at_work() const;

 private:
  class Shared;  // with the thread, which may outlive this object
  const std::shared_ptr<Shared> shared_;
};

}  // namespace trainbus

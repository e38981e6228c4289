#pragma once
// A place where records go. A sink only writes what it is given, in the order it is given it: positions, duplicates,
// batching and retries are the business of SinkFeed.

#include <stdexcept>
#include <string>

#include "trainbus/consumer.hpp"

namespace trainbus {

// Called from one thread. Every function may throw std::runtime_error with one line (what, which path, why); the sink
// is then in no known state, and the next call is open() (or the destructor).
class Sink {
 public:
  virtual ~Sink() = default;

  // "jsonl:runs.jsonl", for messages.
  virtual std::string name() const = 0;
  // Opens or reopens the place, repairs what a sudden end left there, and says which records it has. The answer
  // counts what an earlier, failed write did bring in: that is what makes a retry neither repeat nor skip.
  virtual StreamHeads open() = 0;
  // One kept record, newer than everything of its stream before. May be buffered.
  virtual void write(const Record& record) = 0;
  // All written records survive the death of this process. Called at least every 200 ms while there are some.
  virtual void flush() = 0;
  // After a flush, every few seconds and at the end: all written records survive a power cut. `heads` is what the
  // place has now; keeping it makes the next open() quick.
  virtual void sync(const StreamHeads& heads) = 0;
};

}  // namespace trainbus

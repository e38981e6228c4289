#pragma once
// Waiting in tests: never a sleep for a guess, always a condition with a limit.

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "tests/support/patience.hpp"

namespace trainbus::test {

// Polls `condition` until true, pausing `every` in between (longer where looking is work); a failure prints what was
// waited for. `limit` is patience: time of a machine that has nothing else to do.
inline ::testing::AssertionResult eventually(const std::string& what, const std::function<bool()>& condition,
                                             std::chrono::milliseconds limit = std::chrono::seconds(10),
                                             std::chrono::milliseconds every = std::chrono::milliseconds(5)) {
  for (const Patience patience(limit); !patience.over();) {
    if (condition()) return ::testing::AssertionSuccess();
    std::this_thread::sleep_for(every);
  }
  if (condition()) return ::testing::AssertionSuccess();  // it came true while this thread slept
  return ::testing::AssertionFailure() << "not within " << limit.count() << " ms: " << what;
}

}  // namespace trainbus::test

#pragma once
// Waiting in tests: never a sleep for a guess, always a condition with a limit.

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>

namespace trainbus::test {

// Polls `condition` every 5 ms until true; a failure prints what was waited for.
inline ::testing::AssertionResult eventually(const std::string& what, const std::function<bool()>& condition,
                                             std::chrono::milliseconds limit = std::chrono::seconds(10)) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < until) {
    if (condition()) return ::testing::AssertionSuccess();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return ::testing::AssertionFailure() << "not within " << limit.count() << " ms: " << what;
}

}  // namespace trainbus::test

#pragma once
// Ends trainings as an operator does: unlike on a signal, they then take their time to have everything stored.

#include <gtest/gtest.h>

#include <string>

#include "trainbus/control_client.hpp"

namespace trainbus::test {

// `session`: "run/trainer" or "run/*".
inline ::testing::AssertionResult stop_training(const std::string& broker, const std::string& session) {
  v1::ControlCommand stop;
  stop.set_type(v1::STOP_TRAINING);
  const auto issued = ControlClient(broker).issue(session, stop, std::chrono::seconds(30));
  if (issued && issued->error.empty()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << session << ": " << (issued ? issued->error : "no answer");
}

}  // namespace trainbus::test

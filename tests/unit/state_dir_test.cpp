// Where programs keep their state.

#include "trainbus/state_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

namespace trainbus {
namespace {

// Sets a variable, or with nullptr removes it, until destroyed.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~Variable() { set(before_ ? before_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) const { value != nullptr ? setenv(name_, value, 1) : unsetenv(name_); }

  const char* const name_;
  std::optional<std::string> before_;
};

TEST(StateDir, IsBelowTheFirstAbsolutePathOfStateAndHome) {
  const Variable home("HOME", "/home/ada");
  {
    const Variable state("XDG_STATE_HOME", "/var/state");
    EXPECT_EQ(default_state_dir("log"), "/var/state/trainbus/log");
  }
  for (const char* none : {static_cast<const char*>(nullptr), "", "state"}) {
    const Variable state("XDG_STATE_HOME", none);
    EXPECT_EQ(default_state_dir("log"), "/home/ada/.local/state/trainbus/log");
  }
}

TEST(StateDir, ThatIsGivenNeedsNeitherAndWithoutOneThatIsSaid) {
  const Variable home("HOME", nullptr), state("XDG_STATE_HOME", nullptr);
  EXPECT_EQ(default_state_dir("log"), "");
  EXPECT_EQ(chosen_state_dir("here", "log"), "here");
  EXPECT_THAT([] { chosen_state_dir("", "log"); },
              testing::ThrowsMessage<std::runtime_error>(testing::HasSubstr("say --state-dir")));
}

}  // namespace
}  // namespace trainbus

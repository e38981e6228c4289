// Positions in files.

#include "trainbus/heads_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>

#include "tests/support/temp_dir.hpp"

namespace trainbus {
namespace {

using ::testing::HasSubstr;

TEST(Position, IsReadBackAndDamageIsSaid) {
  test::TempDir dir;
  const auto file = dir / "p";
  EXPECT_FALSE(load_position(file, "it begins anew"));
  const StreamHeads heads{{{"r/t", 7, v1::KIND_ALERT}, 3}, {{"r/u", 1ULL << 63, v1::KIND_EPOCH}, 1}};
  ASSERT_TRUE(save_position(file, heads));
  EXPECT_EQ(load_position(file, "it begins anew"), heads);
  ASSERT_TRUE(save_position(file, {}));
  EXPECT_EQ(load_position(file, "it begins anew"), StreamHeads{}) << "a position, of nothing";
  for (const char* damaged : {"", "trainbus-heads-1 0 0 1\nalert r/t 7 3\n", "something else",
                              "trainbus-heads-1 0 0 2\nalert r/t 7 3\nend\n"}) {
    std::ofstream(file) << damaged;
    EXPECT_THAT([&] { load_position(file, "it begins anew"); },
                testing::ThrowsMessage<std::runtime_error>(HasSubstr("p': is damaged; without it it begins anew: ")))
        << damaged;
  }
}

TEST(Position, ThatCannotBeWrittenSaysWhyAndLeavesTheOldOne) {
  test::TempDir dir;
  const StreamHeads heads{{{"r/t", 7, v1::KIND_ALERT}, 3}};
  errno = 0;
  EXPECT_FALSE(save_position(dir / "no/such/folder", heads));
  EXPECT_EQ(errno, ENOENT);
  ASSERT_TRUE(save_position(dir / "p", heads));
  std::filesystem::create_directory(dir / "p.new");
  EXPECT_FALSE(save_position(dir / "p", {}));
  EXPECT_EQ(errno, EISDIR);
  EXPECT_EQ(load_position(dir / "p", ""), heads);
}

}  // namespace
}  // namespace trainbus

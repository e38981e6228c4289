// scripts/bandwidth, as a user runs it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace trainbus {
namespace {

TEST(Bandwidth, MeasuresTilesAndLosesNoKeptRecord) {
  if (!std::filesystem::exists(TRAINBUS_BIN "/trainbus-tilemeter")) GTEST_SKIP() << "built without benches";
  test::TempDir dir;
  test::Process script(TRAINBUS_SOURCE "/scripts/bandwidth", {"--bin", TRAINBUS_BIN, "--rates", "30", "--sizes", "64",
                                                              "--seconds", "0.5", "--json", dir / "figures.json"});
  ASSERT_EQ(script.wait(std::chrono::seconds(30)), 0) << script.output();
  const auto row = nlohmann::json::parse(std::ifstream(dir / "figures.json")).at("rows").at(0);
  EXPECT_GT(row.at("messages_per_second"), 0) << row;
  EXPECT_GT(row.at("kilobytes_per_message"), 16) << row;
  EXPECT_GT(row.at("records_stored"), 0) << row;
  EXPECT_EQ(row.at("records_stored"), row.at("records_produced")) << row;
}

}  // namespace
}  // namespace trainbus

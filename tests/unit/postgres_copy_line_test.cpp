// Rows in the text form of COPY.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "consumers/log/postgres/copy_line.hpp"

namespace trainbus {
namespace {

using std::string_literals::operator""s;

TEST(PostgresCopyLine, SeparatesFieldsAndEndsTheLine) {
  std::string out = "before\n";
  CopyLine(out).text("a").number(-7).boolean(true).none(2).number(0.25).end();
  EXPECT_EQ(out, "before\na\t-7\tt\t\\N\t\\N\t0.25\n");
}

TEST(PostgresCopyLine, EscapesWhatWouldEndAFieldOrALine) {
  std::string out;
  CopyLine(out).text("tab\t line\n return\r back\\ zero\0."s).text("").text("\\N").end();
  EXPECT_EQ(out, "tab\\t line\\n return\\r back\\\\ zero\uFFFD.\t\t\\\\N\n");
}

TEST(PostgresCopyLine, WritesEveryNumberThereIs) {
  std::string out;
  CopyLine(out)
      .number(std::uint64_t{1} << 63)
      .number(std::nan(""))
      .number(INFINITY)
      .number(-INFINITY)
      .number(5e-324)
      .end();
  EXPECT_EQ(out, "-9223372036854775808\tNaN\tInfinity\t-Infinity\t5e-324\n");
}

TEST(PostgresCopyLine, QuotesTheElementsOfAnArrayOfTexts) {
  std::string out;
  CopyLine line(out);
  const std::vector<std::string> names = {"plain", "a,b", "\"{}\\", ""};
  line.array(names, [&](const auto& name) { line.append_quoted(name); }).end();
  EXPECT_EQ(out, "{\"plain\",\"a,b\",\"\\\\\"{}\\\\\\\\\",\"\"}\n");
}

}  // namespace
}  // namespace trainbus

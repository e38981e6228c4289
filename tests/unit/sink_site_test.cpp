// A sink at each of several brokers: what keeps their records apart.
#include "consumers/log/sink_site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trainbus/broker_site.hpp"

namespace trainbus {
namespace {

using testing::HasSubstr;

constexpr trainbus_sink_option kFileOptions[] = {{"path", "PATH", nullptr, "where", 0}, {}};
constexpr trainbus_sink_option kKeyedOptions[] = {{"to", "URL", "", "where", 0}, {"site", "NAME", "", "which", 0}, {}};
constexpr trainbus_sink_type kFile{.abi = TRAINBUS_SINK_ABI,
                                   .position = TRAINBUS_SINK_KNOWS,
                                   .built_with = nullptr,
                                   .name = "file",
                                   .summary = "",
                                   .options = kFileOptions,
                                   .create = nullptr,
                                   .open = nullptr,
                                   .write = nullptr,
                                   .flush = nullptr,
                                   .sync = nullptr,
                                   .destroy = nullptr};
constexpr trainbus_sink_type keyed() {
  auto type = kFile;
  type.name = "keyed";
  type.options = kKeyedOptions;
  return type;
}
constexpr trainbus_sink_type kKeyed = keyed();

std::string refusal(const std::string& text, const trainbus_sink_type& type) {
  try {
    sink_at_site(parse_sink_spec(text), type, "lab");
    return "";
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

TEST(SinkSite, PutsTheNameWhereItIsAskedFor) {
  EXPECT_EQ(sink_at_site(parse_sink_spec("file:{site}/a-{site}.jsonl"), kFile, "lab").first, "lab/a-lab.jsonl");
  const auto spec = sink_at_site(parse_sink_spec("file:path={site},kinds=epoch"), kFile, "lab");
  EXPECT_EQ(spec.options.at(0).second, "lab");
  EXPECT_EQ(spec.options.at(1).second, "epoch");
}

TEST(SinkSite, TellsASinkThatKeepsSitesApartWhichOneItIs) {
  const auto spec = sink_at_site(parse_sink_spec("keyed:url"), kKeyed, "lab");
  EXPECT_EQ(spec.options, (decltype(spec.options){{"site", "lab"}}));
  EXPECT_EQ(sink_at_site(parse_sink_spec("keyed:url,site=x-{site}"), kKeyed, "lab").options.at(0).second, "x-lab");
}

TEST(SinkSite, RefusesWhatWouldMixThem) {
  EXPECT_THAT(refusal("file:all.jsonl", kFile), HasSubstr("{site}"));
  EXPECT_THAT(refusal("keyed:url,site=one", kKeyed), HasSubstr("{site}"));
  EXPECT_EQ(refusal("keyed:url", kKeyed), "");
}

TEST(SinkSite, NamesTheSinkAfterBoth) {
  SinkPlan plan;
  plan.label = "jsonl";
  add_site_to_label(plan, "lab");
  EXPECT_EQ(plan.label, "jsonl-lab");
  EXPECT_THROW(add_site_to_label(plan, std::string(60, 'x')), std::invalid_argument);
}

TEST(BrokerSites, AreNamedUnlessThereIsOne) {
  const auto one = parse_broker_sites({"tcp://head:7760"});
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].name, "");
  EXPECT_EQ(parse_broker_sites({"lab=tcp://head:7760"}).at(0).name, "lab");
  const auto two = parse_broker_sites({"lab=tcp://a:7760", "far=tcp://b:7760"});
  EXPECT_EQ(two.at(1).name, "far");
  EXPECT_EQ(two.at(1).address, "tcp://b:7760");
  for (const auto& wrong : std::vector<std::vector<std::string>>{{"tcp://a:1", "tcp://b:1"},
                                                                 {"a=tcp://a:1", "a=tcp://b:1"},
                                                                 {"a/b=tcp://a:1", "c=tcp://b:1"},
                                                                 {"=tcp://a:1", "c=tcp://b:1"},
                                                                 {"a=b", "c=tcp://b:1"},
                                                                 {"http://a:1"}})
    EXPECT_THROW(parse_broker_sites(wrong), std::invalid_argument) << wrong[0];
}

}  // namespace
}  // namespace trainbus

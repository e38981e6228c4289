// From the text after --sink to a plan, and every way to get it wrong.
#include "consumers/log/sink_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consumers/log/secrets.hpp"
#include "support/sample_records.hpp"

namespace trainbus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

constexpr trainbus_sink_option kOptions[] = {{"path", "PATH", nullptr, "where", 0},
                                             {"size", "BYTES", "10", "how much", 0},
                                             {"password", "WORD", "", "who", 1},
                                             {}};
constexpr trainbus_sink_type kType{.abi = TRAINBUS_SINK_ABI,
                                   .position = TRAINBUS_SINK_KNOWS,
                                   .built_with = nullptr,
                                   .name = "sample",
                                   .summary = "for this test",
                                   .options = kOptions,
                                   .create = nullptr,
                                   .open = nullptr,
                                   .write = nullptr,
                                   .flush = nullptr,
                                   .sync = nullptr,
                                   .destroy = nullptr};

SinkPlan plan(const std::string& text, const SinkFilter& defaults = {}) {
  return plan_sink(parse_sink_spec(text), kType, defaults);
}

std::string problem(const std::string& text) {
  try {
    plan(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(SinkSpec, SplitsAtCommasButNotAtEscapedOnes) {
  const auto spec = parse_sink_spec("x:a\\,b,k=v=w:z,empty=");
  EXPECT_EQ(spec.type, "x");
  EXPECT_EQ(spec.first, "a,b");
  EXPECT_THAT(spec.options, ElementsAre(Pair("k", "v=w:z"), Pair("empty", "")));
  EXPECT_EQ(parse_sink_spec("./lib.so").type, "./lib.so");
  EXPECT_FALSE(parse_sink_spec("x:k=v").first);
  EXPECT_EQ(parse_sink_spec("x:nats://me:word@host?y=z").first, "nats://me:word@host?y=z");
}

TEST(SinkSpec, RefusesALaterItemWithoutAKeyAndShowsNoValue) {
  for (const char* text : {"x:a,secret", "x:k=v,secret", "x:a,,k=secret", "x:a,=secret"}) {
    try {
      parse_sink_spec(text);
      ADD_FAILURE() << text;
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), HasSubstr("is not key=value")) << text;
      EXPECT_THAT(error.what(), Not(HasSubstr("secret")));
    }
  }
  EXPECT_THROW(parse_sink_spec(":x"), std::invalid_argument);
}

TEST(SinkPlan, PutsOptionsInTheTypesOrderAndFillsInPresets) {
  EXPECT_THAT(plan("sample:there,password=p").values, ElementsAre("there", "10", "p"));
  EXPECT_THAT(plan("sample:size=5,path=there").values, ElementsAre("there", "5", ""));
}

TEST(SinkPlan, NamesWhatIsWrong) {
  EXPECT_THAT(problem("sample:there,colour=red"), HasSubstr("no option 'colour'; there are path, size, password"));
  EXPECT_THAT(problem("sample"), HasSubstr("option 'path' (PATH) is missing"));
  EXPECT_THAT(problem("sample:there,path=here"), HasSubstr("'path' is given twice"));
  EXPECT_THAT(problem("sample:there,name=a b"), HasSubstr("name: 'a b'"));
  EXPECT_THAT(problem("sample:there,every=0"), HasSubstr("every: '0'"));
  EXPECT_THAT(problem("sample:there,kinds=batch+tiles"), HasSubstr("kinds: 'tiles'"));
  EXPECT_THAT(problem("sample:there,run=a/b"), HasSubstr("run: 'a/b'"));
}

TEST(SinkPlan, TakesTheHostsOptionsOverTheDefaults) {
  const SinkFilter defaults{.kinds = {v1::KIND_EPOCH}, .run = "mnist", .trainer = {}, .every = 1};
  EXPECT_EQ(plan("sample:there", defaults).filter.run, "mnist");
  const auto own = plan("sample:there,run=c*,kinds=batch+perf,every=10,name=mine", defaults);
  EXPECT_EQ(own.filter.run, "c*");
  EXPECT_THAT(own.filter.kinds, ElementsAre(v1::KIND_BATCH, v1::KIND_PERF));
  EXPECT_EQ(own.filter.every, 10U);
  EXPECT_EQ(own.label, "mine");
}

TEST(SinkPlan, GivesEqualLabelsNumbersAndRefusesEqualNames) {
  std::vector<SinkPlan> plans{plan("sample:a"), plan("sample:b"), plan("sample:c,name=sample-2")};
  make_labels_unique(plans);
  EXPECT_EQ(plans[0].label, "sample");
  EXPECT_EQ(plans[1].label, "sample-3");
  plans = {plan("sample:a,name=x"), plan("sample:b,name=x")};
  EXPECT_THROW(make_labels_unique(plans), std::invalid_argument);
}

TEST(SinkFilter, KeepsEachNthBatchBySequenceAndEveryEpoch) {
  const auto filter = plan("sample:a,every=10").filter;
  std::vector<std::uint64_t> kept;
  for (std::uint64_t sequence = 1; sequence <= 30; ++sequence)
    if (filter.passes(test::sample_batch(sequence))) kept.push_back(sequence);
  EXPECT_THAT(kept, ElementsAre(1, 11, 21));
  EXPECT_TRUE(filter.passes(test::sample_record(v1::KIND_EPOCH, 2)));
}

TEST(SinkFilter, GivesWholeNamesToTheBrokerAndKeepsPatternsForItself) {
  const auto narrowed = [](const std::string& text) {
    ConsumerOptions bus;
    plan("sample:a," + text).filter.narrow(bus);
    return bus.run + '/' + bus.trainer;
  };
  EXPECT_EQ(narrowed("run=r,trainer=t0"), "r/t0");
  EXPECT_EQ(narrowed("run=r,trainer=t*"), "r/");
  EXPECT_EQ(narrowed("run=r*,trainer=t0"), "/");
  EXPECT_EQ(narrowed("trainer=t0"), "/");
  const auto filter = plan("sample:a,run=?,trainer=t*").filter;
  EXPECT_TRUE(filter.passes(test::sample_batch(1, "t0")));
  EXPECT_FALSE(filter.passes(test::sample_batch(1, "x0")));
  EXPECT_FALSE(plan("sample:a,trainer=t").filter.passes(test::sample_batch(1, "t0")));
}

TEST(Secrets, AreThePasswordsOfUrlsAndConninfo) {
  EXPECT_THAT(passwords_in("nats://a:pw1@h1:4222 nats://tok@h2 tls://b:p:2@h3"), ElementsAre("pw1", "tok", "p:2"));
  EXPECT_THAT(passwords_in("postgresql://me@host/db?sslmode=require&password=w%20rd&x=y"), ElementsAre("w%20rd"));
  EXPECT_THAT(passwords_in("host=h password = 'it\\'s' dbname=d"), ElementsAre("it\\'s"));
  EXPECT_THAT(passwords_in("host=h password=plain"), ElementsAre("plain"));
  EXPECT_THAT(passwords_in("postgresql://me@host/a@b:c"), ElementsAre()) << "a user is none, nor is a path";
  EXPECT_THAT(passwords_in("password"), ElementsAre());
}

TEST(Secrets, AreOverwrittenInAnArgument) {
  char argument[] = "sample:to=nats://me:hunt\\,er2@host,password=opensesame";
  EXPECT_TRUE(hide_in_argument(argument, Secrets(plan("sample:nats://me:hunt\\,er2@host,password=opensesame"))));
  EXPECT_STREQ(argument, "sample:to=nats://me:*********@host,password=**********");
  EXPECT_FALSE(hide_in_argument(argument, Secrets(plan("sample:there"))));
}

TEST(Secrets, AreNeverShown) {
  const auto secret = plan("sample:nats://me:hunter2@host/x?y=@,password=opensesame");
  EXPECT_EQ(secret.text(), "sample:nats://me:***@host/x?y=@");
  EXPECT_EQ(Secrets(secret).scrub("opensesame, hunter2, again opensesame"), "***, ***, again ***");
  EXPECT_EQ(Secrets(plan("sample:nats://host/a@b:c")).scrub("a@b:c"), "a@b:c") << "no password there";
}

TEST(SinkPlan, AnArchiveHasEverythingOnADisk) {
  EXPECT_EQ(plan("sample:a,archive=lab").archive, "lab");
  EXPECT_EQ(plan("sample:a").archive, "");
  for (const char* filter : {"kinds=batch", "run=r", "trainer=t*", "every=2"})
    EXPECT_THAT(problem(std::string("sample:a,archive=lab,") + filter), HasSubstr("leaves records out")) << filter;
  EXPECT_THROW(plan("sample:a,archive=lab", {.kinds = {}, .run = "r", .trainer = ""}), std::invalid_argument)
      << "a filter of all sinks is one, too";
  for (const char* name : {"", "a/b", "a b"})
    EXPECT_THAT(problem(std::string("sample:a,archive=") + name), HasSubstr("archive: '")) << name;
  EXPECT_THAT(problem("sample:-,archive=lab"), HasSubstr("a stream is on no disk"));
  EXPECT_THAT(problem("sample:/dev/null,archive=lab"), HasSubstr("a stream is on no disk"));
  auto live = kType;
  live.position = TRAINBUS_SINK_LIVE;
  EXPECT_THROW(plan_sink(parse_sink_spec("sample:a,archive=lab"), live, {}), std::invalid_argument);
  std::vector<SinkPlan> two{plan("sample:a,archive=lab"), plan("sample:b,archive=lab")};
  EXPECT_THROW(make_labels_unique(two), std::invalid_argument);
}

}  // namespace
}  // namespace trainbus

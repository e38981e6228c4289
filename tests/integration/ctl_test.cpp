// trainbus-ctl and the example consumer as a user runs them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/support/eventually.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/process.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/producer.hpp"
#include "trainbus/schedule.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::Process;
using test::RunningBroker;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A broker and a training loop of 5 ms steps that obeys.
class CtlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    producer.on_learning_rate([](double value) { return Applied{0.1, value}; });
    producer.on_number({.name = "weight_decay", .unit = "1/s", .min = -1, .max = 1, .help = "of all layers"}, 0.5,
                       [](double value) {
                         return Applied{0.5, value};
                       });
    producer.on_action({.name = "save_checkpoint"}, [] { return Applied("at /tmp/x"); });
    producer.start({.total_epochs = 3,
                    .batches_per_epoch = 100,
                    .batch_size = 8,
                    .learning_rate = 0.1,
                    .parameters = {{"optimizer", "sgd"}},
                    .tags = {"small", "try"},
                    .notes = "first try"});
    loop = std::thread([this] {
      for (int batch = 0; producer.step() && !over; ++batch) {
        producer.log_batch({.epoch = 1, .batch = batch, .batch_size = 8, .loss = 0.5, .accuracy = 0.25});
        std::this_thread::sleep_for(milliseconds(5));
      }
    });
    ASSERT_TRUE(eventually("connected", [&] { return producer.connected(); }));
  }
  void TearDown() override {
    over = true;
    producer.interrupt();
    loop.join();
  }
  struct Result {
    int code;
    std::string output;
  };
  Result ctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--broker", broker.address()});
    Process process("trainbus-ctl", arguments);
    const auto code = process.wait(seconds(20));
    return {code.value_or(-1), process.output()};
  }

  RunningBroker broker;
  Producer producer{{.run = "r", .trainer = "t", .broker = broker.address()}};
  std::atomic<bool> over{false};
  std::thread loop;
};

TEST_F(CtlTest, ListsWhoTrainsAsTextAndAsJson) {
  ASSERT_TRUE(eventually("some steps", [&] { return producer.counters().stored > 3; }));
  EXPECT_THAT(ctl({"list"}).output, ContainsRegex("ALIVE +r +t +1/3 "));
  const auto json = nlohmann::json::parse(ctl({"list", "--json"}).output)["trainers"];
  ASSERT_EQ(json.size(), 1u);
  EXPECT_EQ(json[0]["state"], "ALIVE");
  EXPECT_EQ(json[0]["loss"], 0.5);
  EXPECT_EQ(json[0]["learning_rate"], 0.1);
}

TEST_F(CtlTest, ListsAValueThatIsNotANumberAndNothingForOneThatWasNotSaid) {
  over = true;
  producer.log_batch({.epoch = 1, .batch = 7, .loss = std::nan("")});
  nlohmann::json json;
  ASSERT_TRUE(eventually("the last batch is listed", [&] {
    json = nlohmann::json::parse(ctl({"list", "--json"}).output)["trainers"][0];
    return json["loss"] == "NaN";
  })) << json;
  EXPECT_TRUE(json["accuracy"].is_null()) << "of the newest batch, which says none";
  EXPECT_TRUE(json["validation_loss"].is_null());
  EXPECT_THAT(ctl({"list"}).output, ContainsRegex(" NaN +- "));
}

TEST_F(CtlTest, ShowsWhatATrainerLetsPeopleChange) {
  ASSERT_TRUE(eventually("the plan is listed", [&] { return producer.counters().stored > 3; }));
  const auto knobs = ctl({"knobs", "r/t"}).output;
  EXPECT_THAT(knobs, ContainsRegex("NAME +TYPE +VALUE +RANGE +HELP\n"));
  EXPECT_THAT(knobs, ContainsRegex("weight_decay +number +0.5 +a number from -1 to 1 1/s +of all layers\n"));
  EXPECT_THAT(knobs, ContainsRegex("save_checkpoint +action +- +-\n"));
  const auto json = nlohmann::json::parse(ctl({"knobs", "r/*", "--json"}).output)["trainers"];
  ASSERT_EQ(json.size(), 1u);
  EXPECT_EQ(json[0]["trainer"], "t");
  const auto& all = json[0]["knobs"];
  const auto decay =
      std::find_if(all.begin(), all.end(), [](const auto& knob) { return knob["name"] == "weight_decay"; });
  ASSERT_NE(decay, all.end());
  EXPECT_EQ((*decay)["max"], 1);
  EXPECT_EQ((*decay)["range"], "a number from -1 to 1 1/s");
  const auto nobody = ctl({"knobs", "r/nobody"});
  EXPECT_EQ(nobody.code, 1);
  EXPECT_THAT(nobody.output, HasSubstr("no trainer 'r/nobody'"));
}

TEST_F(CtlTest, SetsAKnobAsksForAnActionAndIsToldWhyNot) {
  ASSERT_TRUE(eventually("the plan is listed", [&] { return producer.counters().stored > 3; }));
  const auto set = ctl({"set", "r/*", "weight_decay", "-0.25"});
  EXPECT_EQ(set.code, 0) << set.output;
  EXPECT_THAT(set.output, ContainsRegex("r/t  set weight_decay -0.25  APPLIED at step [0-9]+ \\(0.5 -> -0.25\\)"));
  ASSERT_TRUE(eventually("the new value is in force", [&] {
    return ctl({"knobs", "r/t"}).output.find(" -0.25 ") != std::string::npos;
  }));
  const auto action = ctl({"set", "r/t", "save_checkpoint"});
  EXPECT_EQ(action.code, 0) << action.output;
  EXPECT_THAT(action.output, HasSubstr("set save_checkpoint  APPLIED at step"));
  EXPECT_EQ(ctl({"set", "r/t", "learning_rate", "0.02"}).code, 0) << "a knob like the others";

  for (const auto& [arguments, reason] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"set", "r/t", "weight_decay", "2"}, "a number from -1 to 1 1/s"},
           {{"set", "r/t", "weight_decay", "much"}, "'much'"},
           {{"set", "r/t", "weight_decay"}, "weight_decay"},
           {{"set", "r/t", "momentum", "1"}, "no knob 'momentum'"}}) {
    const auto refused = ctl(arguments);
    EXPECT_EQ(refused.code, 1) << refused.output;
    EXPECT_THAT(refused.output, HasSubstr(reason));
  }
  EXPECT_EQ(ctl({"set", "r/t", "a/b", "1"}).code, 2) << "no name at all";
  const auto history = ctl({"commands", "r/t", "--json"}).output;
  const auto first = nlohmann::json::parse(history.substr(0, history.find('\n')));
  EXPECT_EQ(first["type"], "SET_KNOB");
  EXPECT_EQ(first["name"], "weight_decay");
  EXPECT_EQ(first["new_value"], "-0.25");
}

TEST_F(CtlTest, ShowsOneTrainerInFull) {
  producer.log_scalars({{"val/iou", 0.75}});
  ASSERT_TRUE(eventually("stored", [&] { return producer.counters().by_kind[v1::KIND_SCALARS].stored == 1; }));
  const auto shown = ctl({"show", "r/t"}).output;
  EXPECT_THAT(shown, ContainsRegex("r/t  ALIVE"));
  EXPECT_THAT(shown, ContainsRegex("epoch +1 of 3\n"));
  EXPECT_THAT(shown, ContainsRegex("val/iou +0.75\n"));
  EXPECT_THAT(shown, ContainsRegex("tags +small, try\n"));
  EXPECT_THAT(shown, ContainsRegex("notes +first try\n"));
  EXPECT_THAT(shown, ContainsRegex("optimizer +sgd\n"));
  const auto json = nlohmann::json::parse(ctl({"show", "r/t", "--json"}).output)["trainers"][0];
  EXPECT_EQ(json["scalars"]["val/iou"], 0.75);
  EXPECT_EQ(json["parameters"]["optimizer"], "sgd");
}

TEST_F(CtlTest, PausesResumesAndChangesValuesAndShowsEachState) {
  const auto paused = ctl({"pause", "r/t"});
  EXPECT_EQ(paused.code, 0) << paused.output;
  EXPECT_THAT(paused.output, ContainsRegex("r/t  pause  ACCEPTED\n.*DELIVERED\n.*APPLIED at step [0-9]+"));
  EXPECT_TRUE(producer.paused());
  EXPECT_EQ(ctl({"resume", "r/t"}).code, 0);
  EXPECT_FALSE(producer.paused());
  EXPECT_THAT(ctl({"set-lr", "r/*", "0.02"}).output, HasSubstr("(0.1 -> 0.02)"));
  const auto commands = ctl({"commands", "r/t", "--json"}).output;
  EXPECT_EQ(std::count(commands.begin(), commands.end(), '\n'), 3);
  EXPECT_EQ(nlohmann::json::parse(commands.substr(0, commands.find('\n')))["state"], "APPLIED");
}

TEST_F(CtlTest, TheHistoryOfARunHasEachStateAndWhoAskedAlsoOfACommandThatFailed) {
  ASSERT_EQ(ctl({"set-lr", "r/t", "0.02"}).code, 0);
  ASSERT_EQ(ctl({"set-batch-size", "r/t", "16"}).code, 1);
  EXPECT_THAT(
      ctl({"commands", "r"}).output,
      ContainsRegex("....-..-.. ..:..:..  r/t  set-lr 0.02  by ctl:[^ ]+  ACCEPTED  .*DELIVERED  .*"
                    "APPLIED at step [0-9]+ \\(0.1 -> 0.02\\)\n.*  set-batch-size 16  .*REJECTED: this trainer"));
  const auto json = ctl({"commands", "r", "--json"}).output;
  const auto first = nlohmann::json::parse(json.substr(0, json.find('\n')));
  EXPECT_EQ(first["incarnation"], std::to_string(producer.incarnation()));
  ASSERT_EQ(first["states"].size(), 3u);
  EXPECT_EQ(first["states"][2]["state"], "APPLIED");
  EXPECT_GE(first["states"][2]["timestamp_ms"], first["states"][0]["timestamp_ms"]);
}

TEST_F(CtlTest, ExportsWhatWasAppliedToOneTrainerAsASchedule) {
  const test::TempDir dir;
  EXPECT_THAT(ctl({"commands", "r", "--export", dir / "none"}).output, HasSubstr("no command was applied\n"));
  for (const auto& command : std::vector<std::vector<std::string>>{
           {"set-lr", "r/t", "0.02"}, {"set-batch-size", "r/t", "16"}, {"pause", "r/t"}, {"set-lr", "r/t", "0.003"}})
    ctl(command);
  ASSERT_EQ(ctl({"commands", "r", "--export", dir / "edits"}).code, 0);
  auto edits = parse_schedule(text_of(dir / "edits"), "edits");
  ASSERT_EQ(edits.size(), 3u) << "the rejected one is none";
  EXPECT_EQ(edits[0].old_value + ">" + edits[0].new_value, "0.1>0.02");
  EXPECT_EQ(edits[1].type, v1::PAUSE_TRAINING);
  EXPECT_EQ(edits[2].step, edits[1].step) << "a paused loop stands still";

  Producer other({.run = "r", .trainer = "u", .broker = broker.address()});
  other.on_learning_rate([](double value) { return Applied{1, value}; });
  ASSERT_TRUE(eventually("connected", [&] { return other.connected(); }));
  ASSERT_EQ(ctl({"set-lr", "r/u", "2", "--no-wait"}).code, 0);
  ASSERT_TRUE(eventually("applied", [&] {
    other.step();
    return ctl({"commands", "r/u"}).output.find("APPLIED") != std::string::npos;
  }));
  const auto ambiguous = ctl({"commands", "r", "--export", dir / "both"});
  EXPECT_EQ(ambiguous.code, 1);
  EXPECT_EQ(ambiguous.output, "trainbus-ctl: commands were applied to t, u: choose one with --trainer\n");
  ASSERT_EQ(ctl({"commands", "r", "--trainer", "u", "--export", dir / "edits"}).code, 0);
  edits = parse_schedule(text_of(dir / "edits"), "edits");
  ASSERT_EQ(edits.size(), 1u);
  EXPECT_EQ(edits[0], (ScheduledEdit{0, v1::CHANGE_LEARNING_RATE, "1", "2"}));
}

TEST_F(CtlTest, ARejectedCommandExitsOneWithTheReason) {
  const auto rejected = ctl({"set-batch-size", "r/t", "16"});  // the loop has no handler for it
  EXPECT_EQ(rejected.code, 1);
  EXPECT_THAT(rejected.output, HasSubstr("REJECTED: "));
  const auto unknown = ctl({"pause", "r/nobody"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.output, HasSubstr("no trainer 'r/nobody'"));
}

TEST_F(CtlTest, RefusesBadValuesBeforeAnythingIsSent) {
  for (const auto& [arguments, said] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"set-lr", "r/t", "0"}, "'0'"},
           {{"set-lr", "r/t", "nan"}, "'nan'"},
           {{"set-batch-size", "r/t", "1.5"}, "'1.5'"},
           {{"pause", "nobody"}, "'nobody'"},
           {{"pause", "r/t", "--deadline", "soon"}, "deadline"},
           {{"set", "r/t"}, "name"},
           {{"tail", "--kind", "tiles"}, "tiles"},
           {{}, "subcommand"}}) {
    const auto refused = ctl(arguments);
    EXPECT_EQ(refused.code, 2) << refused.output;
    EXPECT_THAT(refused.output, HasSubstr(said));
  }
  EXPECT_EQ(ctl({"commands"}).output, "no commands\n");
}

TEST_F(CtlTest, TheLedgerClosesOnceTheTrainingIsAtRestAndSaysWhatIsOpenUntilThen) {
  producer.log_epoch({.epoch = 1});
  ASSERT_TRUE(eventually("stored", [&] { return producer.counters().by_kind[v1::KIND_EPOCH].stored == 1; }));
  over = true;
  const auto closed = ctl({"ledger", "r", "--wait", "10s", "--json"});
  EXPECT_EQ(closed.code, 0) << closed.output;
  const auto trainer = nlohmann::json::parse(closed.output)["trainers"].at(0);
  EXPECT_EQ(trainer["records"][1]["kind"], "epoch");
  EXPECT_EQ(trainer["records"][1]["stored"], 1);
  EXPECT_THAT(ctl({"ledger"}).output, HasSubstr("every sum closes"));

  // A heartbeat that says more than came, as of a trainer whose outbox is full.
  v1::MetricsRequest heartbeat;
  heartbeat.set_session_id("r/t");
  heartbeat.set_incarnation(producer.incarnation() + 1);
  auto& highest = *heartbeat.mutable_heartbeat()->add_highest();
  highest.set_kind(v1::KIND_EPOCH);
  highest.set_sequence(5);
  test::PlainPeer peer(broker.endpoints());
  ASSERT_TRUE(peer.wait_until_heard());
  peer.publish("heartbeat/r/t/", heartbeat.SerializeAsString());
  ASSERT_TRUE(eventually("open", [&] {
    const auto open = ctl({"ledger", "r"});
    return open.code == 1 && open.output.find(
                                 "does not close: r/t epoch: 5 produced, 0 stored, 0 lost, 5 in the "
                                 "outbox\n") != std::string::npos;
  }));
}

TEST_F(CtlTest, TheLedgerFollowsTilesToTheBroker) {
  test::PlainPeer viewer(broker.endpoints());
  viewer.subscribe("tiles/r/t/");
  ASSERT_TRUE(eventually("watched", [&] { return producer.watched(); }));
  over = true;
  const std::vector<std::uint8_t> pixels(8 * 8, 100);
  ASSERT_TRUE(eventually("tiles are sent", [&] {
    producer.log_batch({.epoch = 1}, [&](TileBatch& tiles) { tiles.add(pixels.data(), 8, 8, 1, 0, 1, {}); });
    return producer.counters().tiles_sent >= 3;
  }));
  producer.finish(v1::COMPLETED);
  nlohmann::json tiles;
  EXPECT_TRUE(eventually("the ledger closes with the last heartbeat", [&] {
    const auto ledger = ctl({"ledger", "--wait", "1s", "--json"});
    tiles = nlohmann::json::parse(ledger.output)["trainers"].at(0)["tiles"];
    return ledger.code == 0 && tiles["sent"] == producer.counters().tiles_sent;
  })) << tiles;
  EXPECT_EQ(tiles["broker_in"], tiles["sent"]);
  EXPECT_EQ(tiles["lost_on_link"], 0);
  EXPECT_EQ(tiles["produced"], producer.counters().tiles_produced);
}

TEST_F(CtlTest, TailPrintsJsonLinesAndEnds) {
  const auto tail = ctl({"tail", "--kind", "batch", "-n", "3", "--json"});
  EXPECT_EQ(tail.code, 0);
  ASSERT_EQ(std::count(tail.output.begin(), tail.output.end(), '\n'), 3) << tail.output;
  EXPECT_EQ(nlohmann::json::parse(tail.output.substr(0, tail.output.find('\n')))["batch_loss"], 0.5);
  EXPECT_THAT(ctl({"tail", "--kind", "status", "--once"}).output, HasSubstr("RUNNING"));
}

TEST_F(CtlTest, TailPrintsNamedValuesAndMediaInALine) {
  over = true;
  producer.log_scalars({{"gen_loss", 0.5}, {"fid", std::nan("")}});
  producer.log_text("sample", "Once upon a time\nthere was");
  producer.log_table("confusion", {.columns = {"a", "b"}, .rows = {"a", "b"}, .values = {1, 2, 3, 4}});
  ASSERT_TRUE(eventually("stored", [&] {
    return producer.counters().by_kind[v1::KIND_MEDIA].stored == 2 &&
           producer.counters().by_kind[v1::KIND_SCALARS].stored == 1;
  }));
  EXPECT_THAT(ctl({"tail", "--kind", "scalars", "--once"}).output, HasSubstr("scalars  step "));
  EXPECT_THAT(ctl({"tail", "--kind", "scalars", "--once"}).output, HasSubstr("  fid NaN  gen_loss 0.5\n"));
  const auto media = ctl({"tail", "--kind", "media", "--once"}).output;
  EXPECT_THAT(media, HasSubstr("sample  text of 26 bytes: Once upon a time ...\n"));
  EXPECT_THAT(media, HasSubstr("confusion  table of 2 rows x 2 columns\n"));
  const auto json = ctl({"tail", "--kind", "media", "--once", "--json", "-n", "1"}).output;
  EXPECT_EQ(nlohmann::json::parse(json)["name"], "sample");
}

TEST(Ctl, WithoutABrokerItSaysSoInOneLine) {
  const std::vector<std::string> nowhere{"--broker", "tcp://127.0.0.1:9"};
  Process list("trainbus-ctl", {"list", nowhere[0], nowhere[1]});
  Process pause("trainbus-ctl", {"pause", "r/t", nowhere[0], nowhere[1]});
  Process tail("trainbus-ctl", {"tail", nowhere[0], nowhere[1]});
  for (Process* process : {&list, &pause, &tail}) {
    EXPECT_EQ(process->wait(seconds(8)), 1);
    EXPECT_EQ(process->output(),
              "trainbus-ctl: no broker answers at tcp://127.0.0.1:9 within 3 s (is trainbus-broker running?): "
              "the control port tcp://127.0.0.1:11: connection refused\n");
  }
}

}  // namespace
}  // namespace trainbus

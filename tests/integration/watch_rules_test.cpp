// trainbus-watch with a rules file: channels, each alert at least once, and actions.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#ifdef BOOST_ASIO_SEPARATE_COMPILATION  // the dashboard's library brings Asio without its SSL
#include <boost/asio/ssl/impl/src.hpp>
#endif
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "tests/support/eventually.hpp"
#include "tests/support/hook_server.hpp"
#include "tests/support/process.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::HookServer;
using test::Process;
using test::RunningBroker;
using test::TempDir;
using ::testing::HasSubstr;
using ::testing::Not;

class WatchRules : public ::testing::Test {
 protected:
  // A watcher with these rules; the same state folder every time.
  std::unique_ptr<Process> watch(const std::string& rules, std::vector<std::string> more = {}) {
    const auto file = write("rules.yaml", rules);
    std::vector<std::string> arguments{"--broker", broker.address(), "--interval",    "100ms", "--rules",
                                       file,       "--state-dir",    dir / "position"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return std::make_unique<Process>("trainbus-watch", arguments);
  }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(dir / name) << text;
    return dir / name;
  }
  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(dir / name).rdbuf();
    return text.str();
  }
  static std::string hook_rules(const HookServer& server, const std::string& rules = "- on: not_finite",
                                const std::string& timeout = "10s") {
    return "channels: {hook: {webhook: \"" + server.url() + "\", timeout: " + timeout + "}}\nrules:\n  " + rules + "\n";
  }
  void start(const std::string& trainer = "t") {
    producer = std::make_unique<Producer>(
        ProducerOptions{.run = "r", .trainer = trainer, .broker = broker.address(), .heartbeat_interval = seconds(1)});
    producer->start({.total_epochs = 1, .learning_rate = 0.1});
    batch(0.5);
    ASSERT_TRUE(eventually("stored", [&] { return producer->counters().stored == 2; }));
  }
  void batch(double loss) { producer->log_batch({.epoch = 1, .batch = batches++, .loss = loss}); }
  // The watcher has seen everything of before, and its channels know where they start.
  static bool has_seen(Process& watch) { return watch.wait_for("r/t  ").has_value(); }
  // Alerts in the journal, oldest first: "not_finite+", "not_finite-", "not_finite! pause applied ..." for an action.
  std::vector<std::string> alerts(std::size_t least) {
    Consumer consumer({.broker = broker.address(), .kinds = {v1::KIND_ALERT}});
    std::vector<std::string> texts;
    static_cast<void>(eventually("alerts", [&] {
      while (const auto* record = consumer.next(milliseconds(5))) {
        const auto& alert = record->message.alert();
        const bool action = alert.alert_id().ends_with("-action");
        texts.push_back(alert.rule() + (action ? "! " + alert.message() : alert.active() ? "+" : "-"));
      }
      return consumer.caught_up() && texts.size() >= least;
    }));
    return texts;
  }

  TempDir dir;
  RunningBroker broker;
  std::unique_ptr<Producer> producer;
  int batches = 0;
};

TEST_F(WatchRules, AWebhookGetsWhatBeginsAndWhatEnds) {
  HookServer server;
  start();
  auto watcher = watch(hook_rules(server, "- {on: not_finite, severity: critical}"));
  ASSERT_TRUE(has_seen(*watcher));
  batch(std::nan(""));
  ASSERT_TRUE(eventually("begun", [&] { return server.taken().size() == 1; })) << watcher->output();
  batch(0.5);
  ASSERT_TRUE(eventually("ended", [&] { return server.taken().size() == 2; })) << watcher->output();
  const auto notice = server.taken()[0];
  EXPECT_EQ(notice["text"], "[critical] r/t not_finite: the loss is NaN at step 2");
  EXPECT_EQ(notice["run"], "r");
  EXPECT_EQ(notice["trainer"], "t");
  EXPECT_EQ(notice["severity"], "critical");
  EXPECT_EQ(notice["active"], true);
  EXPECT_EQ(server.taken()[1]["text"], "[ended] r/t not_finite: every value is finite");
  EXPECT_THAT(watcher->output(), Not(HasSubstr("/hook")));
}

TEST_F(WatchRules, ARuleOfANamedValueIsRaisedByWhicheverRecordSaysIt) {
  HookServer server;
  start();
  auto watcher = watch(hook_rules(server, "- when: val/perplexity above 100"));
  ASSERT_TRUE(has_seen(*watcher));
  ASSERT_TRUE(eventually("begun", [&] {  // repeated, because a watcher sees what comes once it listens
    producer->log_scalars({{"val/perplexity", 250}});
    return !server.taken().empty();
  })) << watcher->output();
  EXPECT_THAT(server.taken()[0]["text"].get<std::string>(),
              HasSubstr("r/t threshold-val-perplexity: val/perplexity is 250 at step "));
  producer->log_batch({.epoch = 1, .batch = batches++, .scalars = {{"val/perplexity", 90}}});
  ASSERT_TRUE(eventually("ended", [&] { return server.taken().size() == 2; })) << watcher->output();
  EXPECT_EQ(server.taken()[1]["active"], false);
}

TEST_F(WatchRules, WhatIsRaisedAndNotDeliveredWhenTheWatcherIsKilledIsDeliveredByTheNext) {
  HookServer server(500);
  start();
  auto first = watch(hook_rules(server));
  ASSERT_TRUE(has_seen(*first));
  batch(std::nan(""));
  ASSERT_TRUE(eventually("tried", [&] { return server.requests() >= 1; }));
  EXPECT_TRUE(first->wait_for("channel hook (http://127.0.0.1:"));
  first->signal(SIGKILL);
  ASSERT_TRUE(first->wait(seconds(5)));
  server.answer(200);
  auto second = watch(hook_rules(server));
  ASSERT_TRUE(eventually("delivered", [&] { return !server.taken().empty(); })) << second->output();
  second->signal(SIGTERM);
  EXPECT_EQ(second->wait(seconds(2)), 0);
  auto third = watch(hook_rules(server));
  ASSERT_TRUE(has_seen(*third));
  batch(0.5);
  ASSERT_TRUE(eventually("the end", [&] { return server.taken().size() == 2; })) << "and nothing repeated before it";
  EXPECT_EQ(server.taken()[1]["active"], false);
}

TEST_F(WatchRules, EachAlertIsDeliveredThroughKillsAndAServerThatFails) {
  constexpr int kIncidents = 12;
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  HookServer server;
  server.answer([&random](const std::string&) {  // called under the server's lock only
    const int answers[] = {200, 200, 500, HookServer::kReset};
    return answers[random() % 4];
  });
  start();
  const auto rules = hook_rules(server);
  auto watcher = watch(rules);
  ASSERT_TRUE(has_seen(*watcher));
  std::mt19937 kills(seed + 1);
  int killed = 0;
  for (int incident = 0; incident < kIncidents; ++incident) {
    batch(std::nan(""));
    ASSERT_TRUE(eventually("raised", [&] { return alerts(1).size() >= 2u * incident + 1; }));
    batch(0.5);
    ASSERT_TRUE(eventually("ended", [&] { return alerts(1).size() >= 2u * incident + 2; }));
    if (kills() % 2 == 0) continue;
    watcher->signal(SIGKILL);
    ++killed;
    watcher->wait(seconds(5));
    watcher = watch(rules);
    ASSERT_TRUE(has_seen(*watcher));
  }
  server.answer(200);
  std::map<std::string, int> times;
  const auto count = [&] {
    times.clear();
    for (const auto& notice : server.taken())
      ++times[notice["alert_id"].get<std::string>() + (notice["active"] ? "+" : "-")];
    return times.size();
  };
  ASSERT_TRUE(eventually("all delivered", [&] { return count() == 2u * kIncidents; })) << watcher->output();
  for (const auto& [id, number] : times)
    EXPECT_LE(number, 1 + killed) << id << " came again without a reason";
}

TEST_F(WatchRules, AChannelThatHangsHoldsUpNeitherOthersNorTheEnd) {
  HookServer server(HookServer::kHang);
  start();
  const auto file = dir / "notices";
  auto watcher = watch("channels:\n  hook: {webhook: \"" + server.url() +
                       "\", timeout: 5min}\n  file: {exec: \"cat >> " + file + "\"}\nrules:\n  - on: not_finite\n");
  ASSERT_TRUE(has_seen(*watcher));
  batch(std::nan(""));
  ASSERT_TRUE(eventually("hangs", [&] { return server.requests() == 1; }));
  batch(0.5);
  batch(std::nan(""));
  ASSERT_TRUE(eventually("the other channel", [&] {
    const auto text = read("notices");
    return std::count(text.begin(), text.end(), '\n') == 1 || std::count(text.begin(), text.end(), '\n') == 3;
  }));
  watcher->signal(SIGTERM);
  EXPECT_EQ(watcher->wait(seconds(2)), 0) << watcher->output();
}

TEST_F(WatchRules, AServerThatFallsSilentIsTriedAgainAfterTheTimeLimit) {
  HookServer server(HookServer::kHang);
  start();
  auto watcher = watch(hook_rules(server, "- on: not_finite", "1s"));
  ASSERT_TRUE(has_seen(*watcher));
  batch(std::nan(""));
  ASSERT_TRUE(eventually("hangs", [&] { return server.requests() >= 1; }));
  EXPECT_TRUE(watcher->wait_for("no answer: not within the time limit"));
  server.answer(200);
  EXPECT_TRUE(eventually("delivered", [&] { return !server.taken().empty(); }));
}

TEST_F(WatchRules, ANoticeThatIsRefusedIsSaidAndTheNextOneGoesOn) {
  HookServer server(400);
  start();
  auto watcher = watch(hook_rules(server));
  ASSERT_TRUE(has_seen(*watcher));
  batch(std::nan(""));
  EXPECT_TRUE(watcher->wait_for("answer 400, so this is not sent again: [warning] r/t not_finite"));
  server.answer(200);
  batch(0.5);
  ASSERT_TRUE(eventually("the next", [&] { return server.taken().size() == 1; }));
  EXPECT_EQ(server.taken()[0]["active"], false);
}

TEST_F(WatchRules, ACommandThatFailsIsStartedAgainWithTheAlertOnItsStdinAndInItsEnvironment) {
  start();
  const auto script = write("tell", "#!/bin/sh\n[ -e " + (dir / "once") + " ] || { touch " + (dir / "once") +
                                        "; exit 3; }\ncat > " + (dir / "stdin") +
                                        "\necho \"$TRAINBUS_ALERT_RULE $TRAINBUS_ALERT_SESSION $TRAINBUS_ALERT_ACTIVE "
                                        "$TRAINBUS_ALERT_SEVERITY\" > " +
                                        (dir / "environment") + "\n");
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  auto watcher = watch("channels: {tell: {exec: [" + script + "]}}\nrules: [{on: not_finite}]\n");
  ASSERT_TRUE(has_seen(*watcher));
  batch(std::nan(""));
  EXPECT_TRUE(watcher->wait_for("exit 3; it is tried again"));
  ASSERT_TRUE(eventually("told", [&] { return read("environment").ends_with('\n'); }));
  EXPECT_EQ(read("environment"), "not_finite r/t true warning\n");
  EXPECT_EQ(nlohmann::json::parse(read("stdin"))["session"], "r/t");
}

TEST_F(WatchRules, WhatOthersRaiseIsPassedOnAndLeftToThem) {
  HookServer server;
  start();
  auto watcher = watch(hook_rules(server, "- {on: sink_failing, severity: critical}"));
  ASSERT_TRUE(has_seen(*watcher));
  ASSERT_TRUE(watcher->wait_for("ALIVE"));
  ControlClient client(broker.address());
  const auto raise = [&](const std::string& rule, const std::string& id) {
    v1::Alert alert;
    alert.set_rule(rule);
    alert.set_alert_id(id);
    alert.set_message("jsonl:/full: no space left");
    alert.set_active(true);
    return client.raise("r/t", alert, seconds(30));
  };
  ASSERT_TRUE(
      eventually("the channel's start", [&] { return std::filesystem::exists(dir / "position/hook.position"); }));
  ASSERT_TRUE(raise("nobody_asked_for", "1"));
  ASSERT_TRUE(raise("sink_failing", "2"));
  ASSERT_TRUE(eventually("passed on", [&] { return server.taken().size() == 1; })) << watcher->output();
  EXPECT_EQ(server.taken()[0]["text"], "[critical] r/t sink_failing: jsonl:/full: no space left");
  ASSERT_TRUE(raise("sink_failing", "3"));
  ASSERT_TRUE(eventually("the next", [&] { return server.taken().size() == 2; })) << watcher->output();
  EXPECT_EQ(server.taken()[1]["alert_id"], "3") << "the watcher ends nothing that others raised";
}

TEST_F(WatchRules, ANewChannelStartsWithWhatIsRaisedFromThenOn) {
  start();
  auto before = watch("rules: [{on: not_finite}]\n");
  ASSERT_TRUE(has_seen(*before));
  batch(std::nan(""));
  EXPECT_EQ(alerts(1), std::vector<std::string>{"not_finite+"});
  before->signal(SIGTERM);
  ASSERT_EQ(before->wait(seconds(2)), 0);
  HookServer server;
  auto watcher = watch(hook_rules(server));
  ASSERT_TRUE(has_seen(*watcher));
  batch(0.5);
  ASSERT_TRUE(eventually("the end", [&] { return server.taken().size() == 1; }));
  EXPECT_EQ(server.taken()[0]["active"], false);
}

// A certificate for localhost and its key, in one file.
std::string certificate(const TempDir& dir) {
  const std::string pem = dir / "server.pem";
  Process openssl("/bin/sh", {"-c",
                              "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
                              "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout " +
                                  (dir / "key") + " -out " + (dir / "certificate") + " && cat " +
                                  (dir / "certificate") + ' ' + (dir / "key") + " > " + pem});
  EXPECT_EQ(openssl.wait(seconds(10)), 0) << openssl.output();
  return pem;
}

TEST_F(WatchRules, TestSendsOneNoticeThroughEveryChannelAndSaysHowItWent) {
  const auto pem = certificate(dir);
  HookServer good, failing(500), secure(200, pem);
  const auto rules =
      write("rules.yaml", "channels:\n  good: {webhook: \"" + good.url("/SECRET") + "\"}\n  failing: {webhook: \"" +
                              failing.url("/SECRET") + "\"}\n  trusted: {webhook: \"" + secure.url() +
                              "\", ca: " + pem + "}\n  untrusted: {webhook: \"" + secure.url() +
                              "\"}\n  program: {exec: [\"false\"]}\nrules: [{on: dead}]\n");
  Process trial("trainbus-watch", {"test", "--rules", rules});
  EXPECT_EQ(trial.wait(seconds(10)), 1);
  EXPECT_THAT(trial.output(), HasSubstr("good  delivered to http://127.0.0.1:"));
  EXPECT_THAT(trial.output(), HasSubstr("failing  FAILED to http://127.0.0.1:"));
  EXPECT_THAT(trial.output(), HasSubstr("trusted  delivered to https://localhost:"));
  EXPECT_THAT(trial.output(), HasSubstr("untrusted  FAILED to https://localhost:"));
  EXPECT_THAT(trial.output(), HasSubstr("no TLS: certificate verify failed"));
  EXPECT_THAT(trial.output(), HasSubstr("program  FAILED to false: exit 1"));
  EXPECT_THAT(trial.output(), Not(HasSubstr("SECRET")));
  EXPECT_EQ(good.taken().size(), 1u);
  EXPECT_EQ(secure.taken().size(), 1u);
}

TEST_F(WatchRules, AnErrorInTheFileEndsWithTwoAndOneLineBeforeAnythingIsStarted) {
  const auto file = write("bad.yaml", "rules:\n  - on: dead\n    fro: 3s\n");
  for (const char* verb : {"check", "test", "--act"}) {
    Process bad("trainbus-watch", {verb, "--rules", file, "--broker", "tcp://127.0.0.1:9"});
    EXPECT_EQ(bad.wait(seconds(5)), 2) << verb;
    EXPECT_THAT(bad.output(), ::testing::StartsWith(file + ":3:5: a rule on dead has no key 'fro'")) << verb;
  }
  Process good("trainbus-watch",
               {"check", "--rules", std::string(TRAINBUS_SOURCE) + "/consumers/watch/rules.example.yaml"});
  EXPECT_EQ(good.wait(seconds(5)), 0);
}

// A training loop that steps until it is told to stop, with handlers of its own.
class Training {
 public:
  explicit Training(Producer& producer) : producer_(producer) {
    producer_.on_learning_rate([this](double rate) { return Applied{std::exchange(rate_, rate), rate}; });
    thread_ = std::thread([this] {
      int batch = 100;
      while (!end_ && producer_.step()) {
        producer_.log_batch({.epoch = 1, .batch = batch++, .loss = bad ? std::nan("") : 0.5, .learning_rate = rate_});
        std::this_thread::sleep_for(milliseconds(5));
      }
    });
  }
  // Resumed, if it was paused.
  void end(const std::string& broker) {
    end_ = true;
    v1::ControlCommand stop;
    stop.set_type(v1::STOP_TRAINING);
    ControlClient(broker).issue("r/t", stop, seconds(30));
    thread_.join();
  }
  std::atomic<bool> bad{false};

 private:
  Producer& producer_;
  double rate_ = 0.1;
  std::atomic<bool> end_{false};
  std::thread thread_;
};

TEST_F(WatchRules, ARuleActsOnceAndSaysHowItEnded) {
  start();
  Training training(*producer);
  auto watcher = watch("rules:\n  - {on: not_finite, then: pause}\n", {"--act"});
  ASSERT_TRUE(has_seen(*watcher));
  training.bad = true;
  EXPECT_TRUE(watcher->wait_for("; action: pause"));
  EXPECT_TRUE(watcher->wait_for("not_finite, its action: pause applied at step ")) << watcher->output();
  EXPECT_TRUE(watcher->wait_for("ALIVE -> PAUSED")) << watcher->output();
  const auto told = alerts(2);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_THAT(told[1], HasSubstr("not_finite! pause applied at step "));
  ControlClient client(broker.address());
  const auto commands = client.commands_of("r/t", seconds(30));
  ASSERT_TRUE(commands && commands->commands.size() == 1);
  EXPECT_THAT(commands->commands[0].command().issuer(), ::testing::StartsWith("watch:not_finite@"));
  training.end(broker.address());
}

TEST_F(WatchRules, WithoutActARuleOnlySaysWhatItWouldDo) {
  start();
  Training training(*producer);
  auto watcher = watch("rules:\n  - {on: not_finite, then: set-lr 0.5x}\n");
  ASSERT_TRUE(has_seen(*watcher));
  training.bad = true;
  EXPECT_TRUE(watcher->wait_for("; would set-lr 0.5x (acting is off)"));
  training.bad = false;
  EXPECT_TRUE(watcher->wait_for("alert not_finite ended: "));
  ControlClient client(broker.address());
  EXPECT_TRUE(client.commands_of("r/t", seconds(30))->commands.empty());
  training.end(broker.address());
}

TEST_F(WatchRules, AKilledWatchersActionIsDoneByTheNextOneAndNeverTwice) {
  start();
  Training training(*producer);
  const std::string rules = "rules:\n  - {on: not_finite, then: set-lr 0.5x}\n";
  for (int life = 0; life < 4; ++life) {  // the first raises without acting; the next ones read it from the journal
    auto watcher = watch(rules, life == 0 ? std::vector<std::string>{} : std::vector<std::string>{"--act"});
    ASSERT_TRUE(has_seen(*watcher));
    training.bad = true;
    ASSERT_TRUE(eventually("raised", [&] { return !alerts(1).empty(); }));
    EXPECT_EQ(alerts(life == 0 ? 1 : 2).size(), life == 0 ? 1u : 2u);
    watcher->signal(SIGKILL);
    ASSERT_TRUE(watcher->wait(seconds(5)));
  }
  EXPECT_EQ(alerts(2)[1].substr(0, 38), "not_finite! set-lr 0.5x applied at ste");
  ControlClient client(broker.address());
  const auto commands = client.commands_of("r/t", seconds(30));
  ASSERT_TRUE(commands && commands->commands.size() == 1);
  EXPECT_EQ(commands->commands[0].command().new_value(), "0.05");
  training.end(broker.address());
}

TEST_F(WatchRules, APlateauOfEpochsIsSeenOverARestart) {
  start();
  const auto epoch = [&](int number, double loss) { producer->log_epoch({.epoch = number, .average_loss = loss}); };
  const std::string rules = "rules:\n  - {on: plateau, over: 3 epochs}\n";
  for (int number = 1; number <= 3; ++number)
    epoch(number, 1.0);
  ASSERT_TRUE(eventually("stored", [&] { return producer->counters().stored == 5; }));
  auto watcher = watch(rules);
  ASSERT_TRUE(has_seen(*watcher));
  epoch(4, 1.0);
  EXPECT_EQ(alerts(1), std::vector<std::string>{"plateau+"}) << watcher->output();
  watcher->signal(SIGKILL);
  ASSERT_TRUE(watcher->wait(seconds(5)));
  watcher = watch(rules);
  ASSERT_TRUE(has_seen(*watcher));
  epoch(5, 0.5);
  const std::vector<std::string> both{"plateau+", "plateau-"};
  EXPECT_EQ(alerts(2), both);
}

TEST_F(WatchRules, AStateFolderIsOfOneWatcher) {
  HookServer server;
  auto first = watch(hook_rules(server));
  ASSERT_TRUE(eventually("locked", [&] { return std::filesystem::exists(dir / "position/hook.position"); }));
  auto second = watch(hook_rules(server));
  EXPECT_EQ(second->wait(seconds(5)), 1);
  EXPECT_THAT(second->output(), HasSubstr("is in use by another trainbus-watch"));
  first->signal(SIGKILL);
  first->wait(seconds(5));
  write("position/hook.position", "trainbus-heads-1 0 0 3\n");
  auto damaged = watch(hook_rules(server));
  EXPECT_EQ(damaged->wait(seconds(5)), 1);
  EXPECT_THAT(damaged->output(),
              HasSubstr("hook.position': is damaged; without it that channel starts with what is raised from then on"));
}

}  // namespace
}  // namespace trainbus

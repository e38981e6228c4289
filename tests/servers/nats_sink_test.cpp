// trainbus-log into real NATS servers with JetStream, which die in the middle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "consumers/log/nats/jet_stream.hpp"
#include "consumers/log/nats/message_name.hpp"
#include "record_names.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/nats_server.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/running_broker.hpp"
#include "tests/support/stop_training.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::NatsServers;
using test::Process;
using test::RecordNames;
using test::RunningBroker;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class NatsSink : public testing::Test {
 protected:
  void SetUp() override {
    if (!NatsServers::installed()) GTEST_SKIP() << "no nats-server: scripts/install-packages installs it";
  }

  std::unique_ptr<Process> log(const std::string& to, const std::string& more = {}) const {
    return std::make_unique<Process>("trainbus-log", std::vector<std::string>{"--broker", broker_.address(), "--sink",
                                                                              "nats:" + to + ",timeout=10s" + more});
  }
  // Until end().
  std::unique_ptr<Process> load() const {
    return std::make_unique<Process>(
        "trainbus-loadgen", std::vector<std::string>{"--broker", broker_.address(), "--run", "r.1", "--trainers", "4",
                                                     "--batch-rate", "100", "--epoch-every", "50"});
  }
  void end(Process& training) const {
    EXPECT_TRUE(test::stop_training(broker_.address(), "r.1/*"));
    EXPECT_EQ(training.wait(seconds(10)), 0) << training.output();
  }
  static JetStreamOptions options(const NatsServers& servers) {
    JetStreamOptions options;
    for (std::size_t i = 0; i < servers.size(); ++i)
      options.servers.push_back(servers.url(i));
    options.stream = options.prefix = "trainbus";
    options.timeout = seconds(10);
    options.replicas = servers.size();
    options.duplicate_window = servers.duplicate_window;
    return options;
  }
  static testing::AssertionResult serve(const NatsServers& servers) {
    return eventually(
        "the servers serve",
        [&] {
          try {
            JetStream stream(options(servers));
            return true;
          } catch (const std::runtime_error&) {
            return false;
          }
        },
        seconds(30));
  }
  // The server that leads the stream.
  static std::size_t leader(const NatsServers& servers) {
    natsConnection* connection = nullptr;
    jsCtx* context = nullptr;
    jsStreamInfo* info = nullptr;
    std::string name;
    if (natsConnection_ConnectTo(&connection, servers.url(0).c_str()) == NATS_OK &&
        natsConnection_JetStream(&context, connection, nullptr) == NATS_OK &&
        js_GetStreamInfo(&info, context, "trainbus", nullptr, nullptr) == NATS_OK)
      name = info->Cluster->Leader;
    jsStreamInfo_Destroy(info);
    jsCtx_Destroy(context);
    natsConnection_Destroy(connection);
    EXPECT_FALSE(name.empty());
    return name.empty() ? 0 : static_cast<std::size_t>(name[1] - '0');
  }
  static std::string message_body(const NatsServers& servers, const std::string& stream, const std::string& subject) {
    natsConnection* connection = nullptr;
    jsCtx* context = nullptr;
    natsMsg* message = nullptr;
    std::string body;
    if (natsConnection_ConnectTo(&connection, servers.url(0).c_str()) == NATS_OK &&
        natsConnection_JetStream(&context, connection, nullptr) == NATS_OK &&
        js_GetLastMsg(&message, context, stream.c_str(), subject.c_str(), nullptr, nullptr) == NATS_OK)
      body.assign(natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message)));
    natsMsg_Destroy(message);
    jsCtx_Destroy(context);
    natsConnection_Destroy(connection);
    return body;
  }
  // Every message that is there; empty while the servers do not answer.
  static RecordNames names(const NatsServers& servers) {
    RecordNames names;
    try {
      JetStream stream(options(servers));
      if (stream.subject_sizes().empty()) return names;
      stream.read_after("trainbus.>", 0, [&](const SeenMessage& message) {
        const auto name = parse_message_id(message.id);
        names.insert(name ? test::record_name(name->stream, name->sequence) : "no record");
      });
    } catch (const std::runtime_error&) {
      return {};
    }
    return names;
  }
  void expect_all_once(const NatsServers& servers) const {
    EXPECT_TRUE(test::comes_to_have_all_once({broker_.address()}, [&] { return names(servers); }));
    EXPECT_GT(names(servers).size(), 100u);
  }
  static testing::AssertionResult goes_on(const NatsServers& servers, std::size_t more) {
    std::size_t before = 0;
    return eventually(
        "messages come",
        [&] {
          const auto count = names(servers).size();
          if (before == 0) before = count;
          return count > before + more;
        },
        seconds(30));
  }

  RunningBroker broker_;
};

TEST_F(NatsSink, HasEveryRecordOnceWhoeverOfTheClusterIsKilled) {
  NatsServers servers(3);
  ASSERT_TRUE(serve(servers));
  auto training = load();
  auto writer = log(servers.urls(), ",replicas=3");
  ASSERT_TRUE(goes_on(servers, 100)) << writer->output();
  const auto first = leader(servers);
  servers.kill(first);
  ASSERT_TRUE(goes_on(servers, 100)) << writer->output();
  servers.start(first);
  ASSERT_TRUE(goes_on(servers, 100)) << writer->output();
  for (std::size_t i = 0; i < servers.size(); ++i)
    servers.kill(i);
  writer->signal(SIGKILL);
  for (std::size_t i = 0; i < servers.size(); ++i)
    servers.start(i);
  writer.reset();
  const auto open_again = [&] {  // it ends when the cluster has no leader yet
    writer = log(servers.urls(), ",replicas=3");
    const auto before = names(servers).size();
    return eventually("it writes or ends",
                      [&] { return writer->wait(milliseconds(0)) || names(servers).size() > before + 100; }) &&
           !writer->wait(milliseconds(0));
  };
  ASSERT_TRUE(eventually("the writer starts", open_again, seconds(40)));
  end(*training);
  expect_all_once(servers);
  writer->signal(SIGTERM);
  EXPECT_EQ(writer->wait(seconds(5)), 0) << writer->output();
  EXPECT_THAT(writer->output(), Not(HasSubstr(NatsServers::kPassword)));
}

TEST_F(NatsSink, KnowsWhatIsThereLongAfterTheDuplicateWindow) {
  NatsServers servers(1, milliseconds(100));
  ASSERT_TRUE(serve(servers));
  auto training = load();
  auto writer = log(servers.url(0));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(goes_on(servers, 50)) << writer->output();
    writer->signal(SIGKILL);
    writer->wait(seconds(5));
    std::this_thread::sleep_for(milliseconds(200));  // the window has to pass: that is what is tested
    writer = log(servers.url(0));
  }
  end(*training);
  expect_all_once(servers);
}

TEST_F(NatsSink, FillsTheGapThatAFailureLeft) {
  NatsServers servers(1);
  ASSERT_TRUE(serve(servers));
  JetStream stream(options(servers));
  // As when 2 and 4 were lost on their way, and nobody was left to send them again.
  const StreamKey key{"r/t", test::PlainPeer::kIncarnation, v1::KIND_BATCH};
  for (const std::uint64_t sequence : {1, 3, 5})
    stream.publish(stream_subject("trainbus", "", key), message_id("", key, sequence), "0@0",
                   test::PlainPeer::record(sequence).SerializeAsString());
  stream.wait_for_acknowledgements();
  test::PlainPeer peer(broker_.endpoints());
  ASSERT_TRUE(peer.wait_until_heard());
  RecordNames wanted;
  for (std::uint64_t sequence = 1; sequence <= 6; ++sequence) {
    peer.publish(test::PlainPeer::record(sequence));
    wanted.insert("batch r/t 42 " + std::to_string(sequence));
  }
  for (int i = 0; i < 2; ++i) {  // the second time from the headers of what the first has written
    Process writer("trainbus-log", {"--broker", broker_.address(), "--once", "--sink", "nats:" + servers.url(0)});
    ASSERT_EQ(writer.wait(seconds(10)), 0) << writer.output();
    EXPECT_EQ(test::of_trainers(names(servers)), wanted);
  }
}

TEST_F(NatsSink, HoldsEqualNamesOfTwoSitesApart) {
  NatsServers servers(1);
  ASSERT_TRUE(serve(servers));
  RunningBroker other;
  std::size_t wanted = 0;
  for (const auto* broker : {&broker_, &other}) {
    Process training("trainbus-loadgen",
                     {"--broker", broker->address(), "--run", "same", "--batch-rate", "50", "--seconds", "1"});
    ASSERT_EQ(training.wait(seconds(30)), 0) << training.output();
    wanted += test::of_trainers(test::journal_names({broker->address()})).size();
    for (int times = 0; times < 2; ++times) {  // the second one knows what is there of its own site
      Process writer("trainbus-log", {"--broker", broker->address(), "--once", "--sink",
                                      "nats:" + servers.url(0) + (broker == &other ? ",site=far" : ",site=lab")});
      ASSERT_EQ(writer.wait(seconds(30)), 0) << writer.output();
    }
  }
  std::size_t found = 0, far = 0;
  for (const auto& [subject, size] : JetStream(options(servers)).subject_sizes()) {
    if (subject.find(".same.") == std::string::npos) continue;  // an alert of trainbus-log itself
    found += size;
    far += subject.ends_with(".far") ? 1 : 0;
  }
  EXPECT_EQ(found, wanted);
  EXPECT_GT(far, 1U);
}

TEST_F(NatsSink, AMessageIsTheRecordOrItsLine) {
  NatsServers servers(1);
  ASSERT_TRUE(serve(servers));
  test::PlainPeer peer(broker_.endpoints());
  ASSERT_TRUE(peer.wait_until_heard());
  const auto record = test::PlainPeer::record(1);
  peer.publish(record);
  for (const std::string format : {"protobuf", "json"}) {
    Process writer("trainbus-log",
                   {"--broker", broker_.address(), "--once", "--sink",
                    "nats:" + servers.url(0) + ",stream=" + format + ",subject=" + format + ",format=" + format});
    ASSERT_EQ(writer.wait(seconds(10)), 0) << writer.output();
    const auto body = message_body(servers, format, format + ".batch.r.t.42");
    if (format == "protobuf")
      EXPECT_EQ(body, record.SerializeAsString());
    else
      EXPECT_EQ(nlohmann::json::parse(body)["batch_idx"], 1) << body;
  }
}

TEST_F(NatsSink, RefusesToStartInOneLineWithoutThePassword) {
  NatsServers servers(1);
  ASSERT_TRUE(serve(servers));
  struct Case {
    std::string to, expected;
    int exit_code = 1;
  };
  const std::string nobody_there = "nats://owner:swordfish@127.0.0.1:" + std::to_string(test::free_port());
  for (const auto& [to, expected, exit_code] :
       {Case{servers.url(0, "wordfishs"), "the server refuses the user"}, Case{nobody_there, "no server answers"},
        Case{"owner:swordfish@127.0.0.1", "to: must be nats://", 2},
        Case{servers.url(0) + ",subject=other",
             "the stream 'trainbus' is there and does not take the subjects other.>"},
        Case{servers.url(0) + ",stream=other", "subjects overlap with an existing stream"},
        Case{servers.url(0) + ",creds=/nowhere", "/nowhere"},
        Case{servers.url(0) + ",stream=a.b", "stream 'a.b': must be", 2}}) {
    const auto writer = log(to);
    EXPECT_EQ(writer->wait(seconds(10)), exit_code) << writer->output();
    EXPECT_THAT(writer->output(), AllOf(HasSubstr(expected), Not(HasSubstr("wordfish"))));
    const bool warned = writer->output().find("a password on the command line can be seen") != std::string::npos;
    EXPECT_EQ(std::ranges::count(writer->output(), '\n'), warned ? 2 : 1) << writer->output();
  }
}

}  // namespace
}  // namespace trainbus

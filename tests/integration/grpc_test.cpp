// The gateway between clients of the design document and a real broker.

#include <gmock/gmock.h>

#include <fstream>
#include <thread>

#include "producers/grpc/gateway.hpp"
#include "tests/support/design_client.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/tile_feed.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::DesignStream;
using test::eventually;
using test::register_session;
using test::RunningBroker;
namespace document = test::document;
using Response = document::MetricsResponse;

constexpr const char* kSession = "r/t";

class GrpcGateway : public testing::Test {
 protected:
  static GatewayOptions options(const std::string& broker) {
    GatewayOptions made;
    made.listen = "127.0.0.1:0";
    made.broker = broker;
    made.spool_dir = "";
    return made;
  }
  std::shared_ptr<grpc::Channel> channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(gateway_.address(), grpc::InsecureChannelCredentials(), arguments);
  }
  // So many records of a kind, waited for.
  std::vector<v1::MetricsRequest> records(Kind kind, std::size_t count) {
    Consumer consumer({.broker = broker_.address(), .kinds = {kind}, .run = "r"});
    std::vector<v1::MetricsRequest> found;
    EXPECT_TRUE(eventually("records", [&] {
      while (const Record* record = consumer.next(milliseconds(20)))
        found.push_back(record->message);
      return found.size() >= count;
    }));
    return found;
  }
  // Issues it, and waits for its end.
  std::string end_of(v1::ControlCommand command) {
    ControlClient control(broker_.address());
    command.set_command_id(new_command_id());
    const auto issued = control.issue(kSession, command, seconds(10));
    EXPECT_TRUE(issued && issued->error.empty()) << (issued ? issued->error : "no answer");
    v1::CommandState state = v1::COMMAND_ISSUED;
    EXPECT_TRUE(eventually("the command ends", [&] {
      const auto found = control.find(command.command_id(), seconds(5));
      if (found && !found->commands.empty()) state = found->commands[0].command().state();
      return command_ended(state);
    }));
    return std::string(command_state_name(state));
  }

  RunningBroker broker_;
  Gateway gateway_{options(broker_.address())};
};

v1::ControlCommand command(v1::CommandType type, const std::string& value = {}) {
  v1::ControlCommand made;
  made.set_type(type);
  made.set_time_to_live_ms(60'000);
  if (!value.empty()) (*made.mutable_parameters())["value"] = value;
  return made;
}

TEST_F(GrpcGateway, WhatAClientSaysIsStoredAndAcknowledged) {
  document::SessionInfo info;
  info.set_session_id(kSession);
  info.set_client_name("a client");
  info.mutable_config()->set_total_epochs(3);
  info.mutable_config()->add_class_names("cat");
  document::SessionResponse registered;
  ASSERT_TRUE(register_session(channel(), info, registered).ok());
  EXPECT_TRUE(registered.success()) << registered.message();
  EXPECT_EQ(registered.session_id(), kSession);
  EXPECT_EQ(registered.server_config().max_image_dimension(), 512);

  DesignStream stream(channel());
  std::vector<int> sent;
  for (int i = 0; i < 200; ++i) {
    sent.push_back(i);
    ASSERT_TRUE(stream.write_batch(kSession, i, 0.5));
  }
  document::MetricsRequest request;
  request.set_session_id(kSession);
  request.mutable_epoch_data()->set_epoch(1);
  request.mutable_epoch_data()->set_validation_loss(0.25);
  ASSERT_TRUE(stream.write(request));
  request.mutable_performance_data()->set_average_fps(12.5F);
  ASSERT_TRUE(stream.write(request));
  request.mutable_heartbeat()->set_sequence_number(1);
  ASSERT_TRUE(stream.write(request));
  ASSERT_TRUE(stream.write_status(kSession, document::COMPLETED));
  stream.half_close();
  const grpc::Status status = stream.finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(stream.acknowledged(), sent);

  const auto batches = records(v1::KIND_BATCH, 200);
  ASSERT_EQ(batches.size(), 200U);
  EXPECT_EQ(batches[17].batch_data().batch_idx(), 17);
  EXPECT_EQ(batches[17].batch_data().batch_loss(), 0.5);
  EXPECT_FALSE(batches[17].batch_data().has_batch_accuracy());
  EXPECT_EQ(records(v1::KIND_EPOCH, 1)[0].epoch_data().validation_loss(), 0.25);
  EXPECT_EQ(records(v1::KIND_PERF, 1)[0].performance_data().average_fps(), 12.5F);
  const auto statuses = records(v1::KIND_STATUS, 2);
  EXPECT_EQ(statuses.front().status_update().config().total_epochs(), 3);
  EXPECT_EQ(statuses.front().status_update().config().class_names(0), "cat");
  EXPECT_EQ(statuses.back().status_update().status(), v1::COMPLETED);
}

TEST_F(GrpcGateway, CommandsGoDownAndEndWithWhatTheClientShows) {
  DesignStream stream(channel());
  ASSERT_TRUE(stream.write_batch(kSession, 0));
  ASSERT_TRUE(eventually("acknowledged", [&] { return stream.acknowledged().size() == 1; }));

  std::thread client([&] {
    const Response response = stream.first(Response::kCommand);
    EXPECT_EQ(response.command().type(), document::CHANGE_LEARNING_RATE);
    EXPECT_EQ(response.command().parameters().at("value"), "0.025");
    document::MetricsRequest epoch;
    epoch.set_session_id(kSession);
    epoch.mutable_epoch_data()->set_learning_rate(0.025);
    EXPECT_TRUE(stream.write(epoch));
  });
  EXPECT_EQ(end_of(command(v1::CHANGE_LEARNING_RATE, "0.025")), "APPLIED");
  client.join();

  std::thread pausing([&] {
    EXPECT_TRUE(eventually("a pause", [&] {
      const auto all = stream.responses();
      return std::ranges::any_of(
          all, [](const Response& each) { return each.command().type() == document::PAUSE_TRAINING; });
    }));
    EXPECT_TRUE(stream.write_status(kSession, document::PAUSED));
  });
  EXPECT_EQ(end_of(command(v1::PAUSE_TRAINING)), "APPLIED");
  pausing.join();

  v1::ControlCommand ignored = command(v1::STOP_TRAINING);
  ignored.set_time_to_live_ms(300);
  EXPECT_EQ(end_of(ignored), "EXPIRED");
}

TEST_F(GrpcGateway, ErrorsAreToldByCodeAndTheStreamGoesOn) {
  document::SessionResponse registered;
  document::SessionInfo info;
  info.set_session_id("no slash");
  ASSERT_TRUE(register_session(channel(), info, registered).ok());
  EXPECT_FALSE(registered.success());
  EXPECT_THAT(registered.message(), testing::HasSubstr("'no slash'"));

  DesignStream nameless(channel());
  ASSERT_TRUE(nameless.write_batch("", 0));
  EXPECT_EQ(nameless.first(Response::kError).error().code(), document::INVALID_SESSION);
  EXPECT_EQ(nameless.finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  DesignStream stream(channel());
  ASSERT_TRUE(stream.write_batch(kSession, 0));
  document::MetricsRequest empty;
  empty.set_session_id(kSession);
  ASSERT_TRUE(stream.write(empty));
  EXPECT_EQ(stream.first(Response::kError).error().code(), document::INVALID_DATA);
  ASSERT_TRUE(stream.write_batch("r/other", 1));
  document::MetricsRequest many;
  many.set_session_id(kSession);
  for (int i = 0; i < 17; ++i)
    many.mutable_batch_data()->add_images();
  ASSERT_TRUE(stream.write(many));
  ASSERT_TRUE(stream.write_batch(kSession, 2));
  EXPECT_TRUE(eventually("the good ones are stored", [&] { return stream.acknowledged() == std::vector{0, 2}; }));
  std::vector<document::ErrorCode> codes;
  for (const Response& response : stream.responses())
    if (response.has_error()) codes.push_back(response.error().code());
  EXPECT_EQ(codes, (std::vector{document::INVALID_DATA, document::INVALID_SESSION, document::INVALID_DATA}));
}

TEST_F(GrpcGateway, PicturesAreTilesForWhoWatchesAndNeverInTheRecord) {
  const std::string picture = "P6 2 2 255\n" + std::string(12, 'x');
  DesignStream stream(channel());
  document::MetricsRequest request;
  request.set_session_id(kSession);
  document::BatchData& batch = *request.mutable_batch_data();
  for (const char* id : {"one", "two"}) {
    batch.add_images()->set_image_bytes(picture);
    batch.mutable_images(batch.images_size() - 1)->set_image_id(id);
    batch.add_ground_truth(3);
    batch.add_predictions()->set_predicted_label("cat");
  }
  batch.add_images()->set_image_bytes("no picture");
  ASSERT_TRUE(stream.write(request));
  TileFeed feed(broker_.address());
  feed.watch({"r", "t"});
  std::vector<TileFrame> frames;
  ASSERT_TRUE(eventually("tiles come", [&] {
    EXPECT_TRUE(stream.write(request));
    frames = feed.take();
    return !frames.empty();
  }));
  v1::MetricsRequest tiles;
  ASSERT_TRUE(tiles.ParseFromString(*frames[0].bytes));
  ASSERT_EQ(tiles.batch_data().images_size(), 2);
  EXPECT_EQ(tiles.batch_data().images(1).image_id(), "two");
  EXPECT_EQ(tiles.batch_data().predictions(1).predicted_label(), "cat");
  EXPECT_EQ(stream.first(Response::kError).error().code(), document::INVALID_DATA);
  for (const auto& record : records(v1::KIND_BATCH, 1)) {
    EXPECT_TRUE(record.batch_data().images().empty());
    EXPECT_EQ(record.batch_data().ground_truth_size(), 2);
  }
}

TEST_F(GrpcGateway, ABrokenStreamGoesOnAsOneStartAndARegistrationBeginsAnother) {
  const auto own_channel = channel();
  {
    DesignStream stream(own_channel);
    ASSERT_TRUE(stream.write_batch(kSession, 0));
    ASSERT_TRUE(eventually("acknowledged", [&] { return stream.acknowledged().size() == 1; }));
    stream.cancel();
    EXPECT_EQ(stream.finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  {
    DesignStream stream(own_channel, {}, milliseconds(500));
    ASSERT_TRUE(stream.write_batch(kSession, 1));
    EXPECT_EQ(stream.finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  document::SessionInfo info;
  info.set_session_id(kSession);
  document::SessionResponse registered;
  ASSERT_TRUE(register_session(own_channel, info, registered).ok());
  DesignStream stream(own_channel);
  ASSERT_TRUE(stream.write_batch(kSession, 2));
  stream.half_close();
  EXPECT_TRUE(stream.finish().ok());
  const auto all = records(v1::KIND_BATCH, 3);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].incarnation(), all[1].incarnation());
  EXPECT_NE(all[1].incarnation(), all[2].incarnation());
}

TEST_F(GrpcGateway, OfTwoStreamsTheLaterGoesOn) {
  const auto own_channel = channel();
  DesignStream first(own_channel);
  ASSERT_TRUE(first.write_batch(kSession, 0));
  ASSERT_TRUE(eventually("acknowledged", [&] { return first.acknowledged().size() == 1; }));
  DesignStream second(own_channel);
  ASSERT_TRUE(second.write_batch(kSession, 1));
  EXPECT_EQ(first.finish().error_code(), grpc::StatusCode::ABORTED);
  EXPECT_TRUE(eventually("acknowledged", [&] { return second.acknowledged().size() == 1; }));
}

TEST_F(GrpcGateway, WhatWasSentWithoutABrokerIsStoredWhenItIsBack) {
  DesignStream stream(channel());
  ASSERT_TRUE(stream.write_batch(kSession, 0));
  ASSERT_TRUE(eventually("acknowledged", [&] { return stream.acknowledged().size() == 1; }));
  broker_.stop();
  for (int i = 1; i < 100; ++i)
    ASSERT_TRUE(stream.write_batch(kSession, i));
  EXPECT_EQ(stream.acknowledged().size(), 1U);
  broker_.start();
  EXPECT_TRUE(eventually(
      "all acknowledged", [&] { return stream.acknowledged().size() == 100; }, seconds(30)));
  EXPECT_EQ(records(v1::KIND_BATCH, 100).size(), 100U);
}

TEST_F(GrpcGateway, WithoutRoomItSaysSoAndReadsOnWhenThereIs) {
  constexpr int kBatches = 1'000;  // of 12 kB, in room for 4 MiB
  GatewayOptions small = options(broker_.address());
  small.outbox_bytes = 4 << 20;
  Gateway gateway(small);
  DesignStream stream(grpc::CreateChannel(gateway.address(), grpc::InsecureChannelCredentials()));
  ASSERT_TRUE(stream.write_batch(kSession, 0));
  ASSERT_TRUE(eventually("acknowledged", [&] { return stream.acknowledged().size() == 1; }));
  broker_.stop();
  std::thread writer([&] {  // whose Write waits
    document::MetricsRequest request;
    request.set_session_id(kSession);
    for (int i = 0; i < 500; ++i)
      request.mutable_batch_data()->add_predictions()->set_predicted_label("one of many classes");
    for (int i = 1; i < kBatches; ++i) {
      request.mutable_batch_data()->set_batch_idx(i);
      if (!stream.write(request)) break;
    }
    stream.half_close();
  });
  const Response told = stream.first(Response::kError);
  EXPECT_EQ(told.error().code(), document::BUFFER_FULL);
  EXPECT_THAT(told.error().message(), testing::HasSubstr("until there is room"));
  broker_.start();
  writer.join();
  const grpc::Status status = stream.finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  const auto batches = records(v1::KIND_BATCH, kBatches);
  ASSERT_EQ(batches.size(), std::size_t{kBatches});
  for (int i = 0; i < kBatches; ++i)
    ASSERT_EQ(batches[static_cast<std::size_t>(i)].batch_data().batch_idx(), i);
}

TEST(GrpcGatewayWithKeys, OnlyWhoHasTheTokenIsServedByTls) {
  RunningBroker broker;
  test::TempDir folder;
  const std::string certificate = folder / "cert.pem", key = folder / "key.pem";
  test::Process openssl("/bin/sh", {"-c",
                                    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
                                    "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout " +
                                        key + " -out " + certificate});
  ASSERT_EQ(openssl.wait(seconds(30)), 0) << openssl.output();
  GatewayOptions options;
  options.listen = "127.0.0.1:0";
  options.broker = broker.address();
  options.spool_dir = "";
  options.certificate = certificate;
  options.private_key = key;
  options.token = "secret";
  Gateway gateway(options);

  std::ifstream file(certificate);
  grpc::SslCredentialsOptions trusted;
  trusted.pem_root_certs.assign(std::istreambuf_iterator<char>(file), {});
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride("localhost");
  const auto channel = grpc::CreateCustomChannel(gateway.address(), grpc::SslCredentials(trusted), arguments);
  document::SessionInfo info;
  info.set_session_id(kSession);
  document::SessionResponse response;
  EXPECT_EQ(register_session(channel, info, response).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(register_session(channel, info, response, "secre").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(register_session(channel, info, response, "secret").ok());
  DesignStream refused(channel);
  EXPECT_EQ(refused.finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  DesignStream served(channel, "secret");
  ASSERT_TRUE(served.write_batch(kSession, 0));
  EXPECT_TRUE(eventually("acknowledged", [&] { return served.acknowledged().size() == 1; }));
  DesignStream plain(grpc::CreateChannel(gateway.address(), grpc::InsecureChannelCredentials()), "secret");
  EXPECT_EQ(plain.finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace trainbus

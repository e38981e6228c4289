#include "jet_stream.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace trainbus {
namespace {

constexpr char kIdHeader[] = "Nats-Msg-Id";
constexpr char kStreamHeader[] = "Nats-Expected-Stream";
constexpr char kStoredHeader[] = "Trainbus-Stored";

// "127.0.0.1:4222, ...": without users and passwords.
std::string shown(const std::vector<std::string>& servers) {
  std::string text;
  for (const auto& server : servers) {
    const auto scheme = server.find("://");
    const auto host = std::max(server.rfind('@') + 1, scheme == std::string::npos ? 0 : scheme + 3);
    text.append(text.empty() ? "" : ", ").append(server.substr(host));
  }
  return text;
}

std::string reason(natsStatus status) {
  switch (status) {
    case NATS_NO_SERVER: return "no server answers";
    case NATS_CONNECTION_AUTH_FAILED: return "the server refuses the user, password or credentials";
    case NATS_NO_RESPONDERS: return "the server has no JetStream, or it is not ready";
    case NATS_TIMEOUT: return "no answer in time";
    case NATS_CONNECTION_CLOSED:
    case NATS_INVALID_SUBSCRIPTION: return "the connection has ended";
    case NATS_MAX_PAYLOAD: return "a record is larger than the server's max_payload";
    default: break;
  }
  const char* detail = nats_GetLastError(nullptr);
  return detail != nullptr && *detail != '\0' ? detail : natsStatus_GetText(status);
}

std::string header(natsMsg* message, const char* key) {
  const char* value = nullptr;
  return natsMsgHeader_Get(message, key, &value) == NATS_OK ? value : "";
}

}  // namespace

JetStream::JetStream(const JetStreamOptions& options) : options_(options) {
  connect();
  make_stream();
}

void JetStream::check(natsStatus status) const {
  if (status != NATS_OK) throw std::runtime_error(shown(options_.servers) + ": " + reason(status));
}

void JetStream::connect() {
  natsOptions* made = nullptr;
  check(natsOptions_Create(&made));
  const Owned<natsOptions, natsOptions_Destroy> settings(made);
  std::vector<const char*> servers;
  for (const auto& server : options_.servers)
    servers.push_back(server.c_str());
  check(natsOptions_SetServers(made, servers.data(), static_cast<int>(servers.size())));
  check(natsOptions_SetTimeout(made, options_.timeout.count()));
  check(natsOptions_SetName(made, "trainbus-log"));
  // A connection that ends stays so: what was on its way is found out by asking the stream, in a new one.
  check(natsOptions_SetAllowReconnect(made, false));
  check(natsOptions_SetPingInterval(made, std::max<std::int64_t>(1000, options_.timeout.count() / 2)));
  check(natsOptions_SetMaxPingsOut(made, 2));
  if (!options_.user.empty()) check(natsOptions_SetUserInfo(made, options_.user.c_str(), options_.password.c_str()));
  if (!options_.credentials_file.empty())
    check(natsOptions_SetUserCredentialsFromFiles(made, options_.credentials_file.c_str(), nullptr));

  natsConnection* connection = nullptr;
  check(natsConnection_Connect(&connection, made));
  connection_.reset(connection);
  closing_.reset(connection);
  jsOptions asking;
  check(jsOptions_Init(&asking));
  asking.Wait = options_.timeout.count();
  jsCtx* context = nullptr;
  check(natsConnection_JetStream(&context, connection, &asking));
  context_.reset(context);

  natsInbox* inbox = nullptr;
  check(natsInbox_Create(&inbox));
  inbox_ = inbox;
  natsInbox_Destroy(inbox);
  natsSubscription* acknowledgements = nullptr;
  check(natsConnection_SubscribeSync(&acknowledgements, connection, inbox_.c_str()));
  acknowledgements_.reset(acknowledgements);
}

JetStream::StreamInfo JetStream::stream_info(bool with_subjects, natsStatus& status) {
  jsOptions asking;
  check(jsOptions_Init(&asking));
  const auto subjects = options_.prefix + ".>";
  if (with_subjects) asking.Stream.Info.SubjectsFilter = subjects.c_str();
  jsStreamInfo* info = nullptr;
  status = js_GetStreamInfo(&info, context_.get(), options_.stream.c_str(), &asking, nullptr);
  return StreamInfo(info);
}

void JetStream::make_stream() {
  const auto subjects = options_.prefix + ".>";
  natsStatus status = NATS_OK;
  if (const auto info = stream_info(false, status); status == NATS_OK) {
    const std::vector<std::string> taken(info->Config->Subjects, info->Config->Subjects + info->Config->SubjectsLen);
    if (std::ranges::find(taken, subjects) == taken.end() && std::ranges::find(taken, ">") == taken.end())
      throw std::runtime_error(shown(options_.servers) + ": the stream '" + options_.stream +
                               "' is there and does not take the subjects " + subjects);
    return;
  }
  if (status != NATS_NOT_FOUND) check(status);
  jsStreamConfig config;
  check(jsStreamConfig_Init(&config));
  const char* list[] = {subjects.c_str()};
  config.Name = options_.stream.c_str();
  config.Subjects = list;
  config.SubjectsLen = 1;
  config.Replicas = static_cast<std::int64_t>(options_.replicas);
  config.Duplicates = std::chrono::nanoseconds(options_.duplicate_window).count();
  check(js_AddStream(nullptr, context_.get(), &config, nullptr, nullptr));
}

std::map<std::string, std::uint64_t> JetStream::subject_sizes() {
  natsStatus status = NATS_OK;
  const auto info = stream_info(true, status);
  check(status);
  std::map<std::string, std::uint64_t> sizes;
  if (const auto* subjects = info->State.Subjects; subjects != nullptr)
    for (int i = 0; i < subjects->Count; ++i)
      sizes[subjects->List[i].Subject] = subjects->List[i].Msgs;
  return sizes;
}

void JetStream::read_last(const Reader& reader) {
  jsSubOptions wanted;
  check(jsSubOptions_Init(&wanted));
  wanted.Config.DeliverPolicy = js_DeliverLastPerSubject;
  read(wanted, options_.prefix + ".>", reader);
}

void JetStream::read_after(const std::string& subject, std::uint64_t position, const Reader& reader) {
  jsSubOptions wanted;
  check(jsSubOptions_Init(&wanted));
  wanted.Config.DeliverPolicy = js_DeliverByStartSequence;
  wanted.Config.OptStartSeq = position + 1;
  read(wanted, subject, reader);
}

// There must be a message to read.
void JetStream::read(jsSubOptions& wanted, const std::string& subject, const Reader& reader) {
  wanted.Stream = options_.stream.c_str();
  wanted.Config.AckPolicy = js_AckNone;
  wanted.Config.HeadersOnly = true;
  wanted.Config.MemoryStorage = true;
  wanted.Config.Replicas = 1;
  natsSubscription* made = nullptr;
  check(js_SubscribeSync(&made, context_.get(), subject.c_str(), nullptr, &wanted, nullptr));
  read_.emplace_back(made);
  check(natsSubscription_SetPendingLimits(made, -1, -1));
  for (std::uint64_t left = 1; left > 0;) {
    natsMsg* next = nullptr;
    check(natsSubscription_NextMsg(&next, made, options_.timeout.count()));
    const Message message(next);
    jsMsgMetaData* about = nullptr;
    check(natsMsg_GetMetaData(&about, next));
    left = about->NumPending;
    const auto position = about->Sequence.Stream;
    jsMsgMetaData_Destroy(about);
    const auto id = header(next, kIdHeader);
    const auto stored = header(next, kStoredHeader);
    reader({.subject = natsMsg_GetSubject(next), .id = id, .stored = stored, .position = position});
  }
}

void JetStream::publish(const std::string& subject, const std::string& id, const std::string& stored,
                        std::string_view body) {
  while (unacknowledged_ >= kMostUnacknowledged)
    take_acknowledgement();
  natsMsg* made = nullptr;
  check(natsMsg_Create(&made, subject.c_str(), inbox_.c_str(), body.data(), static_cast<int>(body.size())));
  const Message message(made);
  check(natsMsgHeader_Set(made, kIdHeader, id.c_str()));
  check(natsMsgHeader_Set(made, kStreamHeader, options_.stream.c_str()));
  check(natsMsgHeader_Set(made, kStoredHeader, stored.c_str()));
  check(natsConnection_PublishMsg(connection_.get(), made));
  ++unacknowledged_;
}

void JetStream::wait_for_acknowledgements() {
  while (unacknowledged_ > 0)
    take_acknowledgement();
}

void JetStream::take_acknowledgement() {
  natsMsg* next = nullptr;
  check(natsSubscription_NextMsg(&next, acknowledgements_.get(), options_.timeout.count()));
  const Message message(next);
  if (natsMsg_IsNoResponders(next)) check(NATS_NO_RESPONDERS);
  const auto* data = natsMsg_GetData(next);
  const auto answer = nlohmann::json::parse(data, data + natsMsg_GetDataLength(next), nullptr, false);
  if (!answer.is_object()) throw std::runtime_error(shown(options_.servers) + ": an acknowledgement that is none");
  if (const auto error = answer.find("error"); error != answer.end())
    throw std::runtime_error(shown(options_.servers) + ": " + error->value("description", "a record was refused"));
  newest_position_ = std::max(newest_position_, answer.value("seq", std::uint64_t{0}));
  --unacknowledged_;
}

}  // namespace trainbus

#include "nats_sink.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace trainbus {
namespace {

// A stream's name, or one token of a subject.
std::string plain_name(const SinkOptions& options, std::string_view name) {
  const auto text = options.text(name);
  const auto is_plain = [](char each) {
    return std::isalnum(static_cast<unsigned char>(each)) || each == '_' || each == '-';
  };
  if (text.empty() || text.size() > 64 || !std::ranges::all_of(text, is_plain))
    options.refuse(name, "must be 1 to 64 letters, digits, _ and -");
  return text;
}

std::string site_name(const SinkOptions& options) {
  auto name = options.text("site");
  if (!name.empty() && !valid_name(name)) options.refuse("site", "must be 1 to 64 letters, digits and . _ -");
  return name;
}

std::vector<std::string> servers(const SinkOptions& options) {
  std::istringstream text(options.text("to"));
  std::vector<std::string> urls;
  for (std::string url; text >> url;) {
    if (!url.starts_with("nats://") && !url.starts_with("tls://"))
      options.refuse("to", "must be nats://host:port, or several with spaces between");
    urls.push_back(url);
  }
  if (urls.empty()) options.refuse("to", "names no server");
  return urls;
}

}  // namespace

NatsSink::NatsSink(const SinkOptions& options)
    : given_(options),
      options_{.servers = servers(options),
               .user = options.text("user"),
               .password = options.text("password"),
               .credentials_file = options.text("creds"),
               .stream = plain_name(options, "stream"),
               .prefix = plain_name(options, "subject"),
               .replicas = options.number("replicas", 1, 5),
               .duplicate_window = options.duration("window"),
               .timeout = options.duration("timeout")},
      site_(site_name(options)),
      json_(options.choice("format", {"protobuf", "json"}) == "json") {
  if (options.text("password_file").empty()) return;
  if (!options_.password.empty()) options.refuse("password_file", "'password' is given too");
  if (options_.user.empty()) options.refuse("password_file", "'user' is needed with it");
}

StreamHeads NatsSink::open() {
  states_.clear();
  touched_.clear();
  last_ = nullptr;
  stream_.reset();
  if (auto password = given_.line_of_file("password_file"); !password.empty()) options_.password = std::move(password);
  look_at_last_messages();
  stream_ = std::make_unique<JetStream>(options_);
  StreamHeads heads;
  for (const auto& [stream, state] : states_)
    heads[stream] = state.head();
  return heads;
}

void NatsSink::look_at_last_messages() {
  JetStream stream(options_);
  const auto sizes = stream.subject_sizes();
  if (sizes.empty()) return;
  std::set<StreamState*> in_question;
  stream.read_last([&](const SeenMessage& message) {
    const auto name = parse_message_id(message.id);
    if (!name || name->site != site_ || stream_subject(options_.prefix, site_, name->stream) != message.subject) return;
    auto& state =
        states_.try_emplace(name->stream, std::string(message.subject), parse_stored(message.stored)).first->second;
    const auto size = sizes.find(state.subject());
    if (size != sizes.end() && size->second == name->sequence)
      state.complete({name->sequence, message.position});
    else
      in_question.insert(&state);
  });
  for (auto* state : in_question)
    look_closer(stream, *state);
}

// Something is missing before the last message: lost on its way, filtered out, or deleted since. Which?
void NatsSink::look_closer(JetStream& stream, StreamState& state) {
  stream.read_after(state.subject(), state.stored().position, [&](const SeenMessage& message) {
    if (const auto name = parse_message_id(message.id)) state.found(name->sequence);
  });
}

NatsSink::States::value_type& NatsSink::state_of(const SinkRecord& record) {
  auto stream = record.stream();
  if (last_ == nullptr || last_->first != stream) {
    auto subject = stream_subject(options_.prefix, site_, stream);
    last_ = &*states_.try_emplace(std::move(stream), std::move(subject), Stored{}).first;
  }
  return *last_;
}

void NatsSink::write(const SinkRecord& record) {
  auto& [stream, state] = state_of(record);
  if (!state.has(record.sequence()))
    stream_->publish(state.subject(), message_id(site_, stream, record.sequence()), stored_text(state.stored()),
                     json_ ? record.json() : record.bytes());
  state.written(record.sequence());
  touched_.insert(&state);
}

void NatsSink::flush() {
  stream_->wait_for_acknowledgements();
  for (auto* state : touched_)
    state->acknowledged(stream_->newest_position());
  touched_.clear();
}

}  // namespace trainbus

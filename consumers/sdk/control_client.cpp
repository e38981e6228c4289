#include "trainbus/control_client.hpp"

#include <algorithm>
#include <utility>
#include <zmq.hpp>

#include "control_dealer.hpp"
#include "trainbus/port_probe.hpp"
#include "trainbus/sockets.hpp"

namespace trainbus {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

// What came with an earlier page is that much older now.
void grow_older(v1::TrainerList& list, milliseconds time) {
  for (auto& entry : *list.mutable_trainers()) {
    if (entry.last_heartbeat_age_ms() >= 0)
      entry.set_last_heartbeat_age_ms(entry.last_heartbeat_age_ms() + time.count());
    if (entry.last_record_age_ms() >= 0) entry.set_last_record_age_ms(entry.last_record_age_ms() + time.count());
  }
}

void append(v1::TrainerList& page, v1::TrainerList& all) {
  for (auto& entry : *page.mutable_trainers())
    all.add_trainers()->Swap(&entry);
  page.clear_trainers();
  page.clear_next();
  all.MergeFrom(page);
}

}  // namespace

class ControlClient::Core {
 public:
  Core(const std::string& broker, zmq::context_t& context) : dealer_(control_dealer(context, broker)) {}

  // Sends until answered, and gives the answer.
  std::optional<v1::MetricsResponse> ask(v1::MetricsRequest question, milliseconds timeout);
  std::optional<CommandStates> ask_for_commands(v1::MetricsRequest question, milliseconds timeout);
  const std::string& refusal() const { return refusal_; }

 private:
  std::optional<v1::MetricsResponse> answer_within(milliseconds time, std::uint64_t request_id);

  zmq::socket_t dealer_;
  std::uint64_t last_request_id_ = 0;
  std::string refusal_;
};

std::optional<v1::MetricsResponse> ControlClient::Core::ask(v1::MetricsRequest question, milliseconds timeout) {
  constexpr milliseconds kAskAgain{1000};
  const auto until = Clock::now() + timeout;
  refusal_.clear();
  question.set_request_id(++last_request_id_);
  question.set_timestamp_ms(unix_ms());
  const std::string body = question.SerializeAsString();
  for (auto left = timeout; left > milliseconds::zero();) {
    zmq::pollitem_t connection{dealer_.handle(), 0, ZMQ_POLLOUT, 0};
    zmq_poll(&connection, 1, left.count());
    left = std::chrono::duration_cast<milliseconds>(until - Clock::now());
    if (!dealer_.send(zmq::buffer(body), zmq::send_flags::dontwait)) continue;
    if (auto answer = answer_within(std::min(left, kAskAgain), question.request_id())) {
      if (answer->has_error()) refusal_ = answer->error().message();
      return answer;
    }
    left = std::chrono::duration_cast<milliseconds>(until - Clock::now());
  }
  return std::nullopt;
}

std::optional<v1::MetricsResponse> ControlClient::Core::answer_within(milliseconds time, std::uint64_t request_id) {
  const auto until = Clock::now() + time;
  std::vector<zmq::message_t> frames;
  for (auto left = time; left > milliseconds::zero();) {
    zmq::pollitem_t item{dealer_.handle(), 0, ZMQ_POLLIN, 0};
    zmq_poll(&item, 1, left.count());  // EINTR: a turn with nothing to do
    v1::MetricsResponse answer;
    while (receive_message(dealer_, frames)) {
      const bool good = frames.size() == 1 && decode_control(bytes_of(frames[0]), answer) == WireError::kNone;
      if (good && answer.request_id() == request_id) return answer;  // others answer what was given up
    }
    left = std::chrono::duration_cast<milliseconds>(until - Clock::now());
  }
  return std::nullopt;
}

std::optional<CommandStates> ControlClient::Core::ask_for_commands(v1::MetricsRequest question, milliseconds timeout) {
  const auto answer = ask(std::move(question), timeout);
  if (!answer) return std::nullopt;
  CommandStates states;
  if (answer->has_error())
    states.error = answer->error().message();
  else
    states.commands.assign(answer->command_state().commands().begin(), answer->command_state().commands().end());
  return states;
}

std::string control_silence(const std::string& broker) {
  const std::string control = parse_endpoints(broker).control();
  const std::string problem = port_problem(control, milliseconds(1000)).text;
  return "the control port " + control + ": " +
         (problem.empty() ? "takes connections, but answers no question" : problem);
}

ControlClient::ControlClient(std::string broker, zmq::context_t* context)
    : core_(std::make_unique<Core>(broker, context != nullptr ? *context : process_context())) {}
ControlClient::~ControlClient() = default;

std::optional<CommandStates> ControlClient::issue(const std::string& session_id, v1::ControlCommand command,
                                                  milliseconds timeout) {
  if (command.command_id().empty()) command.set_command_id(new_command_id());
  v1::MetricsRequest question;
  question.set_session_id(session_id);
  *question.mutable_issue_command() = std::move(command);
  return core_->ask_for_commands(std::move(question), timeout);
}

std::optional<CommandStates> ControlClient::find(const std::string& command_id, milliseconds timeout) {
  v1::MetricsRequest question;
  question.mutable_find_command()->set_command_id(command_id);
  return core_->ask_for_commands(std::move(question), timeout);
}

std::optional<CommandStates> ControlClient::commands_of(const std::string& session_id, milliseconds timeout) {
  v1::MetricsRequest question;
  question.set_session_id(session_id);
  question.mutable_find_command();
  return core_->ask_for_commands(std::move(question), timeout);
}

std::optional<v1::TrainerList> ControlClient::list(const std::string& run, milliseconds timeout) {
  v1::ListRequest request;
  request.set_run(run);
  return list(std::move(request), timeout);
}

std::optional<v1::TrainerList> ControlClient::list(v1::ListRequest request, milliseconds timeout) {
  const auto until = Clock::now() + timeout;
  v1::TrainerList all;
  auto page_at = Clock::now();
  for (std::string after = request.after();;) {
    v1::MetricsRequest question;
    *question.mutable_list() = request;
    question.mutable_list()->set_after(after);
    auto answer = core_->ask(std::move(question), std::chrono::duration_cast<milliseconds>(until - Clock::now()));
    if (!answer || !answer->has_trainers()) return std::nullopt;
    grow_older(all, std::chrono::duration_cast<milliseconds>(Clock::now() - std::exchange(page_at, Clock::now())));
    auto& page = *answer->mutable_trainers();
    if (!all.trainers().empty() && all.broker_incarnation() != page.broker_incarnation()) {
      all.Clear();  // a broker that started anew: so does its list
      after = request.after();
      continue;
    }
    const std::string next = page.next();
    append(page, all);
    if (next <= after) return all;  // "": the last page; no page leads back
    after = next;
  }
}

std::optional<v1::BrokerStats> ControlClient::stats(milliseconds timeout) {
  v1::MetricsRequest question;
  question.mutable_stats();
  auto answer = core_->ask(std::move(question), timeout);
  if (!answer || !answer->has_stats()) return std::nullopt;
  return std::move(*answer->mutable_stats());
}

std::optional<v1::MetricsResponse> ControlClient::ask(v1::MetricsRequest question, milliseconds timeout) {
  return core_->ask(std::move(question), timeout);
}

const std::string& ControlClient::refusal() const { return core_->refusal(); }

bool ControlClient::raise(const std::string& session_id, const v1::Alert& alert, milliseconds timeout) {
  v1::MetricsRequest question;
  question.set_session_id(session_id);
  *question.mutable_alert() = alert;
  const auto answer = core_->ask(std::move(question), timeout);
  return answer && answer->has_ack() && answer->ack().success();
}

}  // namespace trainbus

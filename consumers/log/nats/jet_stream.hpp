#pragma once
// One connection to a NATS server, and one JetStream there.

#include <nats/nats.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace trainbus {

struct JetStreamOptions {
  std::vector<std::string> servers;
  std::string user, password, credentials_file;  // "": none, or as the URL says
  std::string stream;
  std::string prefix;  // the stream has the subjects PREFIX.>
  std::uint64_t replicas = 1;
  std::chrono::milliseconds duplicate_window{};
  std::chrono::milliseconds timeout{};
};

// Of a message that is there; valid during the call only.
struct SeenMessage {
  std::string_view subject;
  std::string_view id;      // Nats-Msg-Id, "" without
  std::string_view stored;  // Trainbus-Stored, "" without
  std::uint64_t position = 0;
};

// Single-threaded. Every function may throw std::runtime_error with one line that shows no secret; the connection is
// then of no more use. A server that is gone is noticed within the timeout.
class JetStream {
 public:
  // Messages on their way that no server has acknowledged: more wait.
  static constexpr std::size_t kMostUnacknowledged = 4096;
  using Reader = std::function<void(const SeenMessage&)>;

  // Connects, and makes the stream if it is not there.
  explicit JetStream(const JetStreamOptions& options);

  // Messages per subject. May lack some when there are very many.
  std::map<std::string, std::uint64_t> subject_sizes();
  // The last message of each subject. What was once read from comes on until this connection ends: read with one, write
  // with another.
  void read_last(const Reader& reader);
  // The messages of one subject after `position`.
  void read_after(const std::string& subject, std::uint64_t position, const Reader& reader);

  // Sends and does not wait for the acknowledgement, unless too many are missing.
  void publish(const std::string& subject, const std::string& id, const std::string& stored, std::string_view body);
  // Returns when everything published is acknowledged.
  void wait_for_acknowledgements();
  // The highest position that was acknowledged.
  std::uint64_t newest_position() const { return newest_position_; }

 private:
  template <typename Type, void (*destroy)(Type*)>
  struct Destroy {
    void operator()(Type* each) const { destroy(each); }
  };
  template <typename Type, void (*destroy)(Type*)>
  using Owned = std::unique_ptr<Type, Destroy<Type, destroy>>;
  // Closes, and leaves the rest to the owner.
  struct Close {
    void operator()(natsConnection* connection) const { natsConnection_Close(connection); }
  };
  using Message = Owned<natsMsg, natsMsg_Destroy>;
  using Subscription = Owned<natsSubscription, natsSubscription_Destroy>;
  using StreamInfo = Owned<jsStreamInfo, jsStreamInfo_Destroy>;

  void connect();
  void make_stream();
  StreamInfo stream_info(bool with_subjects, natsStatus& status);
  void read(jsSubOptions& wanted, const std::string& subject, const Reader& reader);
  void take_acknowledgement();
  void check(natsStatus status) const;

  const JetStreamOptions options_;
  Owned<natsConnection, natsConnection_Destroy> connection_;
  Owned<jsCtx, jsCtx_Destroy> context_;
  std::string inbox_;  // where acknowledgements come to
  Subscription acknowledgements_;
  std::vector<Subscription> read_;  // to the end
  std::size_t unacknowledged_ = 0;
  std::uint64_t newest_position_ = 0;
  // The last member: the connection closes before its subscriptions end. A message that comes for one that ends just
  // then would crash libnats 3.4 (its issue 637).
  std::unique_ptr<natsConnection, Close> closing_;
};

}  // namespace trainbus

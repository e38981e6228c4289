// Every bound of the broker: where it stands, how often it was met, and what happens then.

#include "broker/broker.hpp"

namespace trainbus {
namespace {

template <class Size>
double number(Size size) {
  return static_cast<double>(size);
}

}  // namespace

void Broker::add_limits() {
  add_limits_of_peers();
  add_limits_of_records();
  add_limits_of_viewers();
  add_limits_of_questions();
}

// Where it is met the disk fills: that is what somebody asked for, and it must not go unnoticed.
void Broker::add_limit_of_retention() {
  limits_.add({"held_for_archives", "records", 0,
               "records past --retain and --retain-bytes stay until every archive of --retain-until-archived has them; "
               "the disk fills",
               [this] { return number(store_.journal().gauges().held_for_archives.load()); },
               [this] { return store_.journal().gauges().held_up.load(); }});
}

// What others connect and say.
void Broker::add_limits_of_peers() {
  limits_.add(
      {"open_files", "files", number(files_.files()),
       "further trainers wait in front of the data port and deliver over the control port; where even that has no "
       "room they are refused with this reason",
       [this] { return number(files_.used()); }, [this] { return files_.met(); }});
  limits_.add(
      {"unfinished_messages", "bytes", number(ConnectionWatch::kMaxUnfinishedMemory / ConnectionWatch::kBytesOfABit),
       "peers with most of a message unfinished are cut", [this] { return number(connections_.unfinished_bytes()); },
       [this] { return connections_.cut_unfinished(); }});
  limits_.add({"sessions", "sessions", number(Roster::kMaxSessions),
               "those that only said hello go, then new ones are refused", [this] { return number(roster_.size()); },
               [this] { return roster_.refused(); }});
  limits_.add({"ack_targets", "incarnations", number(ControlPath::kMaxAckTargets),
               "further trainers get no acknowledgements and keep their records",
               [this] { return number(control_.ack_targets()); },
               [this] { return control_.counters().targets_refused; }});
  limits_.add({"answers_of_a_peer", "answers", BoundSockets::kAnswerQueue,
               "an answer to a peer that does not read is dropped; it asks again", [] { return 0.0; },
               [this] { return control_.counters().not_read; }});
}

void Broker::add_limits_of_records() {
  limits_.add({"streams", "streams", number(Intake::kMaxStreams),
               "records of new streams are refused; their trainers keep them",
               [this] { return number(store_.intake().streams()); },
               [this] { return data_.counters().too_many_streams + control_.counters().streams_refused; }});
  limits_.add({"waiting_bytes", "bytes", number(Intake::kMaxWaitingBytes),
               "records behind a gap are refused; their trainers send them again",
               [this] { return number(store_.intake().counters().waiting_bytes); },
               [this] { return store_.intake().counters().refused; }});
  limits_.add({"journal_backlog", "bytes", number(RecordStore::kMaxBacklogBytes),
               "records are forwarded but not stored; their trainers keep them",
               [this] { return number(store_.backlog_bytes()); }, [this] { return store_.not_stored(); }});
  limits_.add({"listed_bytes", "bytes", number(Roster::kMaxBodyBytes), "the newest record of a trainer is not listed",
               [this] { return number(roster_.body_bytes()); }, [this] { return roster_.bodies_left_out(); }});
}

void Broker::add_limits_of_viewers() {
  limits_.add({"subscriber_queue", "messages", BoundSockets::kSubscriberQueue,
               "a subscriber that does not read is dropped for; it fetches what it missed, tiles are gone",
               [] { return 0.0; }, [this] { return data_.overflows(); }});
  limits_.add({"demanded_topics", "topics", number(TileDemand::kMaxPrefixes),
               "tiles of further trainers are not switched on",
               [this] { return number(data_.tile_demand().prefixes()); },
               [this] { return data_.counters().too_many_demanded; }});
  limits_.add({"leases", "leases", number(DemandBoard::kMaxLeases),
               "further viewers are refused and get tiles as others do", [this] { return number(control_.leases()); },
               [this] { return control_.counters().leases_refused; }});
  limits_.add({"consumer_reports", "reports", number(ConsumerLosses::kMaxReports),
               "what further consumers missed is not added up",
               [this] { return number(control_.consumer_losses().reports()); },
               [this] { return control_.consumer_losses().refused(); }});
}

void Broker::add_limits_of_questions() {
  limits_.add({"open_commands", "commands", number(CommandRegistry::kMaxOpen), "further commands are refused",
               [this] { return number(registry_.open_count()); },
               [this] { return control_.counters().commands_too_many; }});
  limits_.add({"fetches_of_a_peer", "fetches", ControlPath::kMaxFetchesOfAPeer,
               "further ones are refused; it asks again", [this] { return number(control_.most_fetches_of_a_peer()); },
               [this] { return control_.counters().fetches_too_many; }});
  limits_.add({"fetch_memory", "bytes", number(ControlPath::kMaxFetchingBytes),
               "further requests are refused; consumers ask again",
               [this] { return number(control_.fetching_bytes()); },
               [this] { return control_.counters().fetches_too_large; }});
}

}  // namespace trainbus

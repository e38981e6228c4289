#pragma once
// The list of trainers as browsers keep it. Every value of a row knows the tick of its last change, so a browser is
// sent what changed since the list it has, however long ago that was. Nothing is sent for the passing of time alone.
//
// Belongs to the asio thread. Bounded: a row for each trainer of the model, kMaxColumns chosen columns of each browser,
// and kMaxGone rows that went; who has an older list than those gets a whole one.

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "list_columns.hpp"
#include "trainbus/trainer_view.hpp"

namespace trainbus {

class BusModel;
class TrainerModel;
struct Moment;

class TrainerList {
 public:
  using Tick = std::uint64_t;  // 0: before everything
  static constexpr std::size_t kMaxGone = 10'000;
  static constexpr std::size_t kSparklinePoints = 60;

  // Takes in what happened since the last call. `columns`: of all browsers together.
  void refresh(const BusModel& model, const Moment& now, const ListColumns& columns);
  Tick tick() const { return tick_; }

  // Appends `"whole":BOOL,"rows":[ROW…],"gone":[id…]` for who has the list of `since`, and returns how many rows
  // changed or went.
  std::size_t append_changes(std::string& out, Tick since, const ListColumns& columns) const;

 private:
  // Run, trainer, and the incarnation of an older one beside the newest; 0: the newest.
  using Key = std::tuple<std::string, std::string, std::uint64_t>;
  struct Value {
    std::string json;
    Tick changed = 0;
  };
  struct Row {
    std::uint64_t id = 0;
    Tick changed = 0;
    Tick seen = 0;
    std::uint64_t version = 0;  // of the model, when it was last written
    Liveness state = Liveness::kUnreachable;
    bool archived = false;
    std::int64_t silent_since_ms = -1;
    std::int64_t idle_since_ms = -1;
    std::vector<Value> values;  // in the order in which write() names them
    std::map<std::string, Value, std::less<>> columns;
    std::string sparkline = "[]";
    double sparkline_x = 0;  // newest x that it shows
    std::uint64_t sparkline_of = 0;
  };
  class Writer;

  Row& row(const Key& key);
  void update(Row& row, const TrainerModel& trainer, const TrainerView& view, const Moment& now);
  void write(Row& row, const TrainerView& view);
  void write_columns(Row& row, const TrainerView& view);
  void draw_sparkline(Row& row, const TrainerModel& trainer);
  void drop_unseen();

  Tick tick_ = 0;
  std::uint64_t last_id_ = 0;
  std::map<Key, Row> rows_;
  ListColumns columns_;
  bool columns_changed_ = false;
  std::size_t sparkline_points_left_ = 0;  // to be looked at before the next refresh
  std::vector<std::string_view> names_;    // of values
  std::deque<std::pair<Tick, std::uint64_t>> gone_;
  Tick gone_forgotten_ = 0;
};

}  // namespace trainbus

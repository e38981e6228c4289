#pragma once
// The one line of steps that all incarnations of a trainer share. A trainer counts its steps from 1 in each
// incarnation, also when it goes on from a checkpoint; a curve wants steps that go on:
//
//   x = first_step of the incarnation + the record's own step
//
// first_step is what the plan says (0: it begins anew), else it follows from the epoch and batch of the first batch or
// epoch record:
//
//   an earlier incarnation was there          its x of that epoch and batch
//   it is beyond what was done before         the end of the line, plus the missing epochs by its own batches_per_epoch
//   there is no earlier incarnation           (epoch - base) * batches_per_epoch + batch
//   nobody said how long an epoch is          the end of the line
//
// Incarnation 1 did epochs 1 to 8 of 40 batches; incarnation 2 begins with epoch 9, of 20 larger ones: first_step is
// 320. An incarnation supersedes of the earlier ones only what it did again, which is all after the step it began at.

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trainbus.pb.h"

namespace trainbus {

// A pure state machine, single-threaded. Records of one incarnation come in the order of their sequences, kind by kind.
// Incarnations are ordered by when they were first heard here; their numbers say nothing. Any record of the wire is
// taken: no x is below 0 or above kMaxX.
class StepLine {
 public:
  static constexpr std::int64_t kMaxX = std::int64_t{1} << 53;

  // From `epoch` on, until the next section, an epoch has `batches` (0: not known). `begin` is the x before its first
  // batch. What a caller keeps of a line to restore it.
  struct Section {
    std::int32_t epoch = 0;
    std::int64_t begin = 0;
    std::int64_t batches = 0;
    std::int32_t first_batch = 0;  // batch_idx of the first one: 0, or 1 of a trainer that counts from 1
    bool operator==(const Section&) const = default;
  };

  struct Place {
    std::int64_t x = 0;
    // The incarnation has its place on the line by this record. Earlier ones are superseded at x > superseded_after.
    // True a second time after a provisional beginning, one without a batch, an epoch or a told first_step; and where
    // the plan came later and says another first_step.
    bool began = false;
    bool provisional = false;
    std::int64_t superseded_after = 0;
    std::optional<Section> section;  // new or changed by this record
  };

  // Takes a record of any kept kind, and learns from a status what the plan says. Empty: the incarnation has not begun;
  // give the record again when it has. Batches and epochs always have a place. Values, media and perf records wait for
  // the first of them, unless the plan says first_step or the trainer's line was never made of batches and epochs.
  // A record that says no step is placed at the last one that was said; one from before the first step at step 0.
  std::optional<Place> place(std::uint64_t incarnation, const v1::MetricsRequest& record);

  // Begins an incarnation that never said where it is, at the end of the line: it supersedes nothing.
  Place begin_at_end(std::uint64_t incarnation);

  // Tells the order where the caller knows more than the order of the records: `incarnation` is older than `before`,
  // which delivers it from its spool. Without `before`: the newest. Nothing for one that was heard.
  void hear(std::uint64_t incarnation, std::optional<std::uint64_t> before = std::nullopt);

  // x of an incarnation's own step (of a tile, of a command); empty while it has not begun.
  std::optional<std::int64_t> x_of(std::uint64_t incarnation, std::uint64_t own_step) const;
  // Whether a later incarnation did this again.
  bool superseded(std::uint64_t incarnation, std::int64_t x) const;
  // Empty while it has not begun.
  std::optional<std::int64_t> first_step(std::uint64_t incarnation) const;
  // The highest x of an incarnation; 0 for none.
  std::int64_t last(std::uint64_t incarnation) const;
  // What the incarnation counts its epochs from: 0 once epoch 0 was seen, in it or in one that it goes on from, else 1.
  // Its n-th epoch is epoch - epoch_base() + 1.
  int epoch_base(std::uint64_t incarnation) const;
  // Heard ones, oldest first.
  std::vector<std::uint64_t> incarnations() const;

  // --- as a caller kept it -----------------------------------------------------------------------------------------
  // In the order of incarnations, sections in the order in which they came, then what was reached.
  void restore(std::uint64_t incarnation, std::int64_t first_step, std::int64_t superseded_after, bool provisional);
  void restore(std::uint64_t incarnation, const Section& section);
  void restore_reached(std::uint64_t incarnation, std::int64_t last, std::int64_t last_batch);

  // Sections of one incarnation that are remembered; one that changes the length of its epochs more often is placed by
  // the newest, and the older are counted here.
  static constexpr std::size_t kMaxSections = 4096;
  std::uint64_t forgotten_sections() const { return forgotten_sections_; }

 private:
  // x = begin(epoch) + batch + 1, batch from 0. The end of an epoch is batch -1 of the next one.
  struct Position {
    std::int32_t epoch = 0;
    std::int64_t batch = 0;
  };

  struct Incarnation {
    std::uint64_t number = 0;
    std::int64_t batches_per_epoch = 0;           // as the plan says; 0: not said
    std::optional<std::int64_t> told_first_step;  // as the plan says
    bool begun = false;
    bool provisional = true;  // a batch or an epoch may still place it elsewhere
    std::int64_t first_step = 0;
    std::int64_t supersedes_after = kMaxX;     // of earlier ones
    std::int64_t superseded_after = kMaxX;     // by later ones
    std::int64_t last = 0;                     // highest x
    std::int64_t last_said = 0;                // highest own step of a batch, or that a record said
    std::optional<std::int64_t> waiting_step;  // of a value that came before the beginning
    std::uint64_t perf_waited = 0, scalars_waited = 0, media_waited = 0;
    int epoch_base = 1;
    int first_batch = 0;
    std::int32_t newest_epoch = -1;  // of a batch or an epoch record
    std::int32_t newest_batch_epoch = -1;
    std::vector<Section> sections;      // rising epochs
    std::int32_t confirmed_epoch = -1;  // the newest whose begin was seen
  };

  Incarnation& at(std::uint64_t number);
  const Incarnation* find(std::uint64_t number) const;
  std::size_t index_of(const Incarnation& incarnation) const;
  const Incarnation* newest_begun_before(std::size_t index) const;

  void learn(Incarnation& incarnation, const v1::TrainingConfig& plan);
  std::optional<Place> move_to_told(Incarnation& incarnation);
  std::optional<Place> place_batch(Incarnation& incarnation, const v1::MetricsRequest& record);
  std::optional<Place> place_epoch(Incarnation& incarnation, const v1::MetricsRequest& record);
  std::optional<Place> place_values(Incarnation& incarnation, std::uint64_t step, std::uint64_t sequence,
                                    std::uint64_t& waited);
  std::optional<Place> place_between(Incarnation& incarnation, std::uint64_t step);
  void find_bases(Incarnation& incarnation, const v1::BatchData& batch, std::int64_t own);

  Place begin_with(Incarnation& incarnation, std::int64_t own, const Position& position);
  Place begin(Incarnation& incarnation, std::int64_t first_step, std::int64_t supersedes_after, bool provisional);
  void supersede(const Incarnation& incarnation, bool began_before);
  std::int64_t x_by_position(const Incarnation& incarnation, std::int64_t own, const Position& position) const;
  std::optional<Section> note(Incarnation& incarnation, std::int32_t epoch, std::int64_t begin, bool by_batch);

  std::vector<Incarnation> incarnations_;  // in the order in which they were heard
  std::map<std::uint64_t, std::size_t> index_;
  std::uint64_t forgotten_sections_ = 0;
};

}  // namespace trainbus

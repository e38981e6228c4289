#include "trainbus/step_line.hpp"

#include <algorithm>
#include <utility>

#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

std::int64_t bounded(std::uint64_t step) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(step, StepLine::kMaxX));
}

// begin + epochs * batches + more, within what a double counts exactly.
std::int64_t along(std::int64_t begin, std::int64_t epochs, std::int64_t batches, std::int64_t more) {
  constexpr auto kLimit = static_cast<double>(StepLine::kMaxX);
  const double sum = static_cast<double>(begin) + static_cast<double>(epochs) * static_cast<double>(batches) +
                     static_cast<double>(more);
  return static_cast<std::int64_t>(std::clamp(sum, -kLimit, kLimit));
}

std::int32_t epoch_of(std::int32_t said) { return std::clamp(said, 0, std::numeric_limits<std::int32_t>::max() - 1); }

// The x of a position by one section; empty when it is in another epoch and nobody said how long one is.
std::optional<std::int64_t> x_in(const StepLine::Section& section, std::int32_t epoch, std::int64_t batch) {
  if (epoch != section.epoch && section.batches == 0) return std::nullopt;
  return along(section.begin, std::int64_t{epoch} - section.epoch, section.batches, batch + 1);
}

std::optional<std::int64_t> x_in(const std::vector<StepLine::Section>& sections, std::int32_t epoch,
                                 std::int64_t batch) {
  if (sections.empty()) return std::nullopt;
  const auto after = std::upper_bound(sections.begin(), sections.end(), epoch,
                                      [](std::int32_t wanted, const auto& section) { return wanted < section.epoch; });
  return x_in(after == sections.begin() ? *after : *std::prev(after), epoch, batch);
}

// The epoch that the step x belongs to.
std::int32_t epoch_at(const std::vector<StepLine::Section>& sections, std::int64_t x) {
  const auto after = std::lower_bound(sections.begin(), sections.end(), x,
                                      [](const auto& section, std::int64_t wanted) { return section.begin < wanted; });
  if (after == sections.begin()) return sections.empty() ? -1 : sections.front().epoch;
  const auto& section = *std::prev(after);
  if (section.batches == 0) return section.epoch;
  const auto last = after == sections.end() ? epoch_of(std::numeric_limits<std::int32_t>::max()) : after->epoch - 1;
  return static_cast<std::int32_t>(
      std::min<std::int64_t>(section.epoch + (x - section.begin - 1) / section.batches, last));
}

}  // namespace

// ---- who there is ---------------------------------------------------------------------------------------------------

void StepLine::hear(std::uint64_t incarnation, std::optional<std::uint64_t> before) {
  if (index_.contains(incarnation)) return;
  const auto later = before ? index_.find(*before) : index_.end();
  auto at = later == index_.end() ? incarnations_.size() : later->second;
  incarnations_.emplace(incarnations_.begin() + static_cast<std::ptrdiff_t>(at))->number = incarnation;
  for (; at < incarnations_.size(); ++at)
    index_[incarnations_[at].number] = at;
}

StepLine::Incarnation& StepLine::at(std::uint64_t number) {
  hear(number);
  return incarnations_[index_.find(number)->second];
}

const StepLine::Incarnation* StepLine::find(std::uint64_t number) const {
  const auto found = index_.find(number);
  return found == index_.end() ? nullptr : &incarnations_[found->second];
}

std::size_t StepLine::index_of(const Incarnation& incarnation) const {
  return static_cast<std::size_t>(&incarnation - incarnations_.data());
}

const StepLine::Incarnation* StepLine::newest_begun_before(std::size_t index) const {
  while (index > 0)
    if (incarnations_[--index].begun) return &incarnations_[index];
  return nullptr;
}

// ---- where a record belongs -----------------------------------------------------------------------------------------

std::optional<StepLine::Place> StepLine::place(std::uint64_t incarnation, const v1::MetricsRequest& record) {
  auto& here = at(incarnation);
  const auto sequence = record.sequence();
  switch (record.payload_case()) {
    case v1::MetricsRequest::kBatchData: return place_batch(here, record);
    case v1::MetricsRequest::kEpochData: return place_epoch(here, record);
    case v1::MetricsRequest::kPerformanceData:
      return place_values(here, record.performance_data().step(), sequence, here.perf_waited);
    case v1::MetricsRequest::kScalarData:
      return place_values(here, record.scalar_data().step(), sequence, here.scalars_waited);
    case v1::MetricsRequest::kMediaData:
      return place_values(here, record.media_data().step(), sequence, here.media_waited);
    case v1::MetricsRequest::kStatusUpdate:
      if (record.status_update().has_config()) learn(here, record.status_update().config());
      if (auto moved = move_to_told(here)) return moved;
      return place_between(here, record.status_update().step());
    case v1::MetricsRequest::kCommand: return place_between(here, record.command().applied_step());
    default: return place_between(here, 0);
  }
}

void StepLine::learn(Incarnation& incarnation, const v1::TrainingConfig& plan) {
  incarnation.batches_per_epoch = std::max(0, plan.batches_per_epoch());
  if (plan.has_first_step() && (incarnation.provisional || !incarnation.told_first_step))
    incarnation.told_first_step = bounded(plan.first_step());
}

// The plan came after the first batch or epoch, which had to say where it is.
std::optional<StepLine::Place> StepLine::move_to_told(Incarnation& incarnation) {
  const auto& told = incarnation.told_first_step;
  if (!incarnation.begun || incarnation.provisional || !told || *told == incarnation.first_step) return std::nullopt;
  const auto by = *told - incarnation.first_step;
  const auto last = along(incarnation.last, 0, 0, by);
  for (auto& section : incarnation.sections)
    section.begin = along(section.begin, 0, 0, by);
  auto place = begin(incarnation, *told, *told, false);
  incarnation.last = last;
  place.x = last;
  return place;
}

std::optional<StepLine::Place> StepLine::place_batch(Incarnation& incarnation, const v1::MetricsRequest& record) {
  const auto& batch = record.batch_data();
  const auto own = bounded(batch.step() != 0 ? batch.step() : record.sequence());
  const auto epoch = epoch_of(batch.epoch());
  find_bases(incarnation, batch, own);
  const auto index = std::max<std::int64_t>(0, std::int64_t{batch.batch_idx()} - incarnation.first_batch);
  Place place;
  if (incarnation.provisional) place = begin_with(incarnation, own, {epoch, index});
  place.x = along(incarnation.first_step, 0, 0, own);
  if (epoch > incarnation.newest_batch_epoch) {
    place.section = note(incarnation, epoch, place.x - index - 1, true);
    incarnation.newest_batch_epoch = epoch;
  }
  incarnation.newest_epoch = std::max(incarnation.newest_epoch, epoch);
  incarnation.last_said = std::max(incarnation.last_said, own);
  incarnation.last = std::max(incarnation.last, place.x);
  return place;
}

std::optional<StepLine::Place> StepLine::place_epoch(Incarnation& incarnation, const v1::MetricsRequest& record) {
  const auto& data = record.epoch_data();
  const auto said = bounded(data.step());
  const auto own = said > 0 ? said : incarnation.last_said > 0 ? incarnation.last_said : bounded(record.sequence());
  const auto epoch = epoch_of(data.epoch());
  if (epoch == 0) incarnation.epoch_base = 0;
  // Without any step the epochs are what is counted.
  if (said == 0 && incarnation.last_said == 0) incarnation.batches_per_epoch = 1;
  Place place;
  if (incarnation.provisional) place = begin_with(incarnation, own, {epoch + 1, -1});
  place.x = along(incarnation.first_step, 0, 0, own);
  if (epoch >= incarnation.newest_batch_epoch) place.section = note(incarnation, epoch + 1, place.x, false);
  incarnation.newest_epoch = std::max(incarnation.newest_epoch, epoch);
  incarnation.last_said = std::max(incarnation.last_said, said);
  incarnation.last = std::max(incarnation.last, place.x);
  return place;
}

// Named values, media, perf: they say a step, and not where it lies.
// `waited` is the highest sequence of their kind that came before the beginning.
std::optional<StepLine::Place> StepLine::place_values(Incarnation& incarnation, std::uint64_t step,
                                                      std::uint64_t sequence, std::uint64_t& waited) {
  auto own = bounded(step);
  if (step == 0 && (sequence == 0 || sequence > waited))
    own = incarnation.last_said > 0 ? incarnation.last_said : bounded(sequence > 0 ? sequence - 1 : 0);
  Place place;
  if (!incarnation.begun) {
    const auto& waiting = incarnation.waiting_step;
    const auto index = index_of(incarnation);
    const bool batches_will_come = std::any_of(incarnations_.begin(), incarnations_.begin() + static_cast<long>(index),
                                               [](const auto& earlier) { return !earlier.sections.empty(); });
    if (incarnation.told_first_step) {
      place = begin(incarnation, *incarnation.told_first_step, *incarnation.told_first_step, false);
    } else if (!batches_will_come && waiting && *waiting != own) {
      // Nobody begins to count at 9,501: such steps are the whole training's already.
      const auto first = std::min(*waiting, own);
      const auto* earlier = newest_begun_before(index);
      const auto after = earlier != nullptr && first <= 1 ? earlier->last : 0;
      place = begin(incarnation, after, after + std::max<std::int64_t>(0, first - 1), true);
    } else {
      if (!waiting) incarnation.waiting_step = own;
      waited = std::max(waited, sequence);
      return std::nullopt;
    }
  }
  place.x = along(incarnation.first_step, 0, 0, own);
  incarnation.last_said = std::max(incarnation.last_said, bounded(step));
  incarnation.last = std::max(incarnation.last, place.x);
  return place;
}

// Status, command, alert: they happen between two steps.
std::optional<StepLine::Place> StepLine::place_between(Incarnation& incarnation, std::uint64_t step) {
  if (!incarnation.begun) return std::nullopt;
  Place place;
  place.x = step != 0 ? along(incarnation.first_step, 0, 0, bounded(step)) : incarnation.last;
  return place;
}

// A trainer may count epochs from 0, and batches from 1. The first records tell, and what it did before.
void StepLine::find_bases(Incarnation& incarnation, const v1::BatchData& batch, std::int64_t own) {
  const bool is_first = incarnation.newest_batch_epoch < 0;
  const auto* earlier = newest_begun_before(index_of(incarnation));
  if (batch.epoch() <= 0) incarnation.epoch_base = 0;
  if (is_first && earlier != nullptr) incarnation.first_batch = earlier->first_batch;
  if (batch.batch_idx() <= 0) incarnation.first_batch = 0;
  if (batch.batch_idx() != 1) return;
  const bool turns = !is_first && batch.epoch() > incarnation.newest_batch_epoch && own == incarnation.last_said + 1;
  if (turns || (is_first && own == 1 && earlier == nullptr)) incarnation.first_batch = 1;
}

// ---- where an incarnation begins ------------------------------------------------------------------------------------

StepLine::Place StepLine::begin_with(Incarnation& incarnation, std::int64_t own, const Position& position) {
  const auto* earlier = newest_begun_before(index_of(incarnation));
  auto first = incarnation.told_first_step.value_or(0);
  auto after = first;
  if (!incarnation.told_first_step) {
    first = std::max<std::int64_t>(0, x_by_position(incarnation, own, position) - own);
    // Of steps before the first that was heard nobody knows whether they were done again.
    const bool is_epoch_end = position.batch < 0;
    after = is_epoch_end ? x_by_position(incarnation, own, {position.epoch - 1, -1}) : first + own - 1;
    after = std::clamp<std::int64_t>(after, first, kMaxX);
  }
  if (earlier != nullptr && first > 0 && earlier->epoch_base == 0) incarnation.epoch_base = 0;
  if (earlier != nullptr && !earlier->sections.empty() && incarnation.batches_per_epoch == 0)
    incarnation.batches_per_epoch = earlier->sections.back().batches;
  const bool moves = !incarnation.begun || incarnation.first_step != first;
  auto place = begin(incarnation, first, after, false);
  place.began = moves;
  return place;
}

StepLine::Place StepLine::begin(Incarnation& incarnation, std::int64_t first_step, std::int64_t supersedes_after,
                                bool provisional) {
  incarnation.first_step = std::min(first_step, kMaxX);
  incarnation.supersedes_after = std::min(supersedes_after, kMaxX);
  incarnation.last = incarnation.first_step;
  incarnation.provisional = provisional;
  supersede(incarnation, std::exchange(incarnation.begun, true));
  return {.x = incarnation.first_step,
          .began = true,
          .provisional = provisional,
          .superseded_after = incarnation.supersedes_after,
          .section = {}};
}

// What is superseded by one incarnation is by all bounds of later ones: the bound never rises towards the older.
void StepLine::supersede(const Incarnation& incarnation, bool began_before) {
  const auto index = began_before ? incarnations_.size() - 1 : index_of(incarnation);
  if (index + 1 < incarnations_.size()) {
    const auto& later = incarnations_[index + 1];
    incarnations_[index].superseded_after =
        std::min(later.superseded_after, later.begun ? later.supersedes_after : kMaxX);
  }
  for (auto at = index; at-- > 0;) {
    const auto& later = incarnations_[at + 1];
    const auto bound = std::min(later.superseded_after, later.begun ? later.supersedes_after : kMaxX);
    if (!began_before && incarnations_[at].superseded_after == bound) return;
    incarnations_[at].superseded_after = bound;
  }
}

StepLine::Place StepLine::begin_at_end(std::uint64_t incarnation) {
  auto& here = at(incarnation);
  const auto* earlier = newest_begun_before(index_of(here));
  const auto end = earlier != nullptr ? earlier->last : 0;
  return begin(here, end, end, true);
}

std::int64_t StepLine::x_by_position(const Incarnation& incarnation, std::int64_t own, const Position& position) const {
  const auto own_batches = incarnation.batches_per_epoch;
  std::optional<std::int64_t> oldest;
  for (auto index = index_of(incarnation); index-- > 0;) {
    const auto& earlier = incarnations_[index];
    if (!earlier.begun) continue;
    if (earlier.sections.empty()) return earlier.last + std::max<std::int64_t>(own, 1);
    const auto x = x_in(earlier.sections, position.epoch, position.batch);
    const bool is_before =
        x ? *x <= std::min(earlier.supersedes_after, earlier.last) : position.epoch < earlier.sections.front().epoch;
    if (is_before) {
      oldest = x;
      continue;
    }
    const auto newest = earlier.newest_epoch;
    if (position.epoch <= newest) return x.value_or(earlier.last + 1);
    const auto next = std::max(earlier.last, x_in(earlier.sections, newest + 1, -1).value_or(0));
    const auto batches = own_batches > 0 ? own_batches : earlier.sections.back().batches;
    return along(next, std::int64_t{position.epoch} - newest - 1, batches, position.batch + 1);
  }
  if (oldest) return std::max<std::int64_t>(1, *oldest);
  const auto epochs = std::max(0, position.epoch - incarnation.epoch_base);
  if (epochs > 0 && own_batches == 0) return own;
  return along(0, epochs, own_batches, position.batch + 1);
}

// ---- what it did ----------------------------------------------------------------------------------------------------

// The incarnation is before the first batch of `epoch` at x `begin`.
std::optional<StepLine::Section> StepLine::note(Incarnation& incarnation, std::int32_t epoch, std::int64_t begin,
                                                bool by_batch) {
  auto& sections = incarnation.sections;
  const Section seen{epoch, begin, incarnation.batches_per_epoch, incarnation.first_batch};
  if (sections.empty()) {
    incarnation.confirmed_epoch = epoch;
    return sections.emplace_back(seen);
  }
  auto& newest = sections.back();
  if (epoch == newest.epoch && by_batch && begin != newest.begin) return newest = seen;
  if (epoch <= newest.epoch) return std::nullopt;
  const auto expected = newest.batches > 0 ? x_in(newest, epoch, -1) : std::nullopt;
  const auto confirmed = std::exchange(incarnation.confirmed_epoch, epoch);
  if (expected == begin) return std::nullopt;
  const std::int64_t epochs = epoch - newest.epoch;
  if (confirmed <= newest.epoch && begin > newest.begin && (begin - newest.begin) % epochs == 0) {
    newest.batches = (begin - newest.begin) / epochs;
    return newest;
  }
  if (sections.size() == kMaxSections) {
    const auto quarter = kMaxSections / 4;
    sections.erase(sections.begin(), sections.begin() + quarter);
    forgotten_sections_ += quarter;
  }
  const auto before = x_in(sections, epoch - 1, -1);
  const auto length = seen.batches > 0 || !before ? seen.batches : std::max<std::int64_t>(0, begin - *before);
  return sections.emplace_back(Section{epoch, begin, length, incarnation.first_batch});
}

// ---- questions ------------------------------------------------------------------------------------------------------

std::optional<std::int64_t> StepLine::x_of(std::uint64_t incarnation, std::uint64_t own_step) const {
  const auto* here = find(incarnation);
  if (here == nullptr || !here->begun) return std::nullopt;
  return along(here->first_step, 0, 0, bounded(own_step));
}

bool StepLine::superseded(std::uint64_t incarnation, std::int64_t x) const {
  const auto* here = find(incarnation);
  return here != nullptr && x > here->superseded_after;
}

std::optional<std::int64_t> StepLine::first_step(std::uint64_t incarnation) const {
  const auto* here = find(incarnation);
  return here != nullptr && here->begun ? std::optional(here->first_step) : std::nullopt;
}

std::int64_t StepLine::last(std::uint64_t incarnation) const {
  const auto* here = find(incarnation);
  return here != nullptr ? here->last : 0;
}

int StepLine::epoch_base(std::uint64_t incarnation) const {
  const auto* here = find(incarnation);
  return here != nullptr ? here->epoch_base : 1;
}

std::vector<std::uint64_t> StepLine::incarnations() const {
  std::vector<std::uint64_t> numbers;
  for (const auto& incarnation : incarnations_)
    numbers.push_back(incarnation.number);
  return numbers;
}

// ---- kept by the caller ---------------------------------------------------------------------------------------------

void StepLine::restore(std::uint64_t incarnation, std::int64_t first_step, std::int64_t superseded_after,
                       bool provisional) {
  begin(at(incarnation), first_step, superseded_after, provisional);
}

void StepLine::restore(std::uint64_t incarnation, const Section& section) {
  auto& here = at(incarnation);
  if (!here.sections.empty() && here.sections.back().epoch == section.epoch)
    here.sections.back() = section;
  else if (here.sections.empty() || here.sections.back().epoch < section.epoch)
    here.sections.push_back(section);
  here.first_batch = section.first_batch;
  if (section.epoch == 0) here.epoch_base = 0;
  here.confirmed_epoch = section.epoch;
}

void StepLine::restore_reached(std::uint64_t incarnation, std::int64_t last, std::int64_t last_batch) {
  auto& here = at(incarnation);
  here.last = std::max(here.last, last);
  here.last_said = std::max<std::int64_t>(here.last_said, last_batch - here.first_step);
  here.newest_epoch = std::max(here.newest_epoch, epoch_at(here.sections, here.last));
  here.newest_batch_epoch = last_batch > 0 ? epoch_at(here.sections, last_batch) : here.newest_batch_epoch;
  here.confirmed_epoch = std::max(here.confirmed_epoch, here.newest_epoch);
  const auto* earlier = newest_begun_before(index_of(here));
  if (earlier != nullptr && here.first_step > 0 && earlier->epoch_base == 0) here.epoch_base = 0;
}

}  // namespace trainbus

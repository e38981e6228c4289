#include "broker/block_table.hpp"

#include <algorithm>

namespace trainbus {
namespace {

std::optional<std::uint64_t> ask(Statement& query, std::uint64_t number) {
  std::optional<std::uint64_t> found;
  query.bind(number).each([&](const Statement& row) { found = row.number(0); });
  return found;
}

}  // namespace

std::optional<std::uint64_t> first_readable(Statement& query, std::uint64_t number) {
  if (number > kMaxPosition) return std::nullopt;
  try {
    return ask(query, number);
  } catch (const SqliteError& error) {
    if (!is_damage(error)) throw;
  }
  // A page on the way cannot be read. Look further behind in growing steps, then for the end of what is unreadable.
  std::uint64_t unreadable = number;
  for (std::uint64_t step = 1; unreadable < kMaxPosition; step += 1 + step / 4) {
    const auto probe = unreadable + std::min(step, kMaxPosition - unreadable);
    try {
      auto found = ask(query, probe);
      auto readable = probe;
      while (readable - unreadable > 1) {
        const auto middle = unreadable + (readable - unreadable) / 2;
        try {
          found = ask(query, middle);
          readable = middle;
        } catch (const SqliteError&) {
          unreadable = middle;
        }
      }
      return found;
    } catch (const SqliteError&) {
      unreadable = probe;
    }
  }
  return std::nullopt;
}

bool is_damage(const SqliteError& error) {
  return error.code() == SQLITE_CORRUPT || error.code() == SQLITE_NOTADB || error.code() == SQLITE_IOERR;
}

BlockTable::BlockTable(sqlite3* database) {
  behind_ = Statement(database, "SELECT position FROM blocks WHERE position>=? ORDER BY position LIMIT 1");
  before_ = Statement(database, "SELECT position FROM blocks WHERE position<=? ORDER BY position DESC LIMIT 1");
  load_ = Statement(database, "SELECT records,journal_ms,taken_in_ms,directory,data FROM blocks WHERE position=?");
  end_ = Statement(database, "SELECT position+records-1 FROM blocks ORDER BY position DESC LIMIT 1");
}

std::optional<std::uint64_t> BlockTable::at_or_behind(std::uint64_t position) {
  const auto found = first_readable(behind_, position);
  if (!found || *found == position || *found == next_) return found;
  return nearest(position, *found < position ? kMaxPosition : *found);
}

// SQLite searches a page whose positions are not in order in vain, without an error, and may end up far behind it. What
// is found from places in between, on the pages behind that one, is nearer.
std::optional<std::uint64_t> BlockTable::nearest(std::uint64_t position, std::uint64_t found) {
  const auto nearer_from = [&](std::uint64_t place) -> std::optional<std::uint64_t> {
    try {
      const auto other = ask(behind_, place);
      return other && *other >= place && *other < found ? other : std::nullopt;
    } catch (const SqliteError& error) {
      if (!is_damage(error)) throw;
      return std::nullopt;
    }
  };
  std::uint64_t without = position;
  for (std::uint64_t step = 1; step < found - without; step += step / 2 + 1) {
    auto with = without + step;
    auto nearer = nearer_from(with);
    if (!nearer) {
      without = with;
      continue;
    }
    while (with - without > 1) {
      const auto middle = without + (with - without) / 2;
      if (const auto other = nearer_from(middle)) {
        nearer = other;
        with = middle;
      } else {
        without = middle;
      }
    }
    return nearer;
  }
  return found == kMaxPosition ? std::nullopt : std::optional(found);
}

std::optional<std::uint64_t> BlockTable::holding_or_behind(std::uint64_t position) {
  if (position > kMaxPosition) return std::nullopt;
  try {
    const auto before = ask(before_, position);
    Block block;
    if (before && load(*before, block) && block.last_position() >= position) return before;
  } catch (const SqliteError& error) {
    if (!is_damage(error)) throw;
  }
  return at_or_behind(position);
}

bool BlockTable::load(std::uint64_t position, Block& block) {
  load_.reset();
  try {
    load_.bind(position);
    if (!load_.step()) return false;
    block.position = position;
    block.records = load_.number(0);
    block.journal_ms = load_.integer(1);
    block.taken_in_ms = load_.integer(2);
    block.data = load_.bytes(4);
    const auto directory = load_.bytes(3);
    const bool sensible =
        block.records > 0 && block.records <= std::max<std::uint64_t>(directory.size(), 1'000'000'000);
    if (!sensible || (directory != "[]" && block.records > directory.size())) return false;
    read_directory(directory, block);
    next_ = block.last_position() + 1;
    return true;
  } catch (const SqliteError& error) {
    if (!is_damage(error)) throw;
    return false;
  }
}

std::uint64_t BlockTable::end() {
  try {
    const auto last = end_.step() ? end_.number(0) : 0;
    end_.reset();
    return last;
  } catch (const SqliteError& error) {
    if (!is_damage(error)) throw;
    return 0;
  }
}

void BlockTable::release() { load_.reset(); }

void extend_segment(BlockTable& blocks, Segment& segment, std::uint64_t through) {
  Block block;
  for (auto at = blocks.at_or_behind(segment.last_position() + 1); at && *at <= through;
       at = blocks.at_or_behind(*at + 1)) {
    if (!blocks.load(*at, block)) continue;
    auto position = block.position;
    for (const auto& entry : block.entries) {
      if (entry.state == BlockEntry::State::kWhole)
        segment.add(segment.add_stream(entry.row.stream), position, entry.row.sequence, entry.row.length);
      ++position;
    }
    segment.extend(block.last_position());
  }
  blocks.release();
}

}  // namespace trainbus

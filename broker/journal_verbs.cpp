#include "broker/journal_verbs.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "broker/journal_check.hpp"
#include "broker/journal_files.hpp"
#include "broker/journal_repair.hpp"
#include "broker/state_folder.hpp"

namespace trainbus {
namespace {

// Takes the folder, so that no broker starts meanwhile.
StateFolder take_folder(const std::string& state_dir) {
  if (!std::filesystem::exists(state_dir + "/journal.sqlite"))
    throw std::runtime_error("there is no journal in '" + state_dir + "'");
  return StateFolder(state_dir);
}

}  // namespace

int check_state_dir(const std::string& state_dir) {
  const StateFolder folder = take_folder(state_dir);
  const auto report = [&] {
    try {
      return check_journal(folder.journal_path(), [](std::uint64_t at, std::uint64_t end) {
        std::cerr << "position " << at << " of " << end << std::endl;
      });
    } catch (const SqliteError& error) {
      throw_with_advice(error, folder.journal_path());
    }
  }();
  std::cout << report.records << " records of " << report.streams << " streams are as they were written\n";
  for (const auto& problem : report.problems)
    std::cout << "damaged: " << problem << '\n';
  if (report.problems_left_out > 0) std::cout << "and " << report.problems_left_out << " more\n";
  if (report.clean()) return 0;
  const auto unreadable = report.damaged_records + report.missing_positions;
  if (report.only_its_end_is_gone())
    std::cout << "What is left is whole: there is nothing to repair, and the next start says what is gone\n";
  else
    std::cout << "The journal is damaged: " << unreadable << " records of it cannot be read. trainbus-broker repair "
              << state_dir << '\n';
  return 1;
}

int repair_state_dir(const std::string& state_dir) {
  constexpr std::size_t kMostLines = 100;
  const StateFolder folder = take_folder(state_dir);
  const auto report =
      repair_journal(folder.journal_path(), [](const std::string& progress) { std::cerr << progress << std::endl; });
  std::cout << report.records << " records kept";
  if (report.found_on_pages > 0) std::cout << ", " << report.found_on_pages << " of them found page by page";
  std::cout << "; " << report.lost << " records are LOST";
  if (report.gone_at_the_end > 0)
    std::cout << "; " << report.gone_at_the_end << " at the end are gone, and nothing tells whose they were";
  std::cout << '\n';
  for (std::size_t i = 0; i < std::min(kMostLines, report.ranges.size()); ++i) {
    const auto& range = report.ranges[i];
    std::cout << "LOST " << range.stream.session.id() << ' ' << kind_name(range.stream.kind) << ' '
              << range.first_sequence << ".." << range.last_sequence << " (incarnation " << range.stream.incarnation
              << ")\n";
  }
  if (report.ranges.size() > kMostLines) std::cout << "and " << report.ranges.size() - kMostLines << " ranges more\n";
  std::cout << "The damaged file is kept as " << report.damaged_path << '\n';
  return 0;
}

}  // namespace trainbus

#include "trainbus/job_names.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "trainbus/topic.hpp"

namespace trainbus {
namespace {

constexpr std::array kRanks = {"RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "JSM_NAMESPACE_RANK"};
constexpr std::array kWorlds = {"WORLD_SIZE", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "JSM_NAMESPACE_SIZE"};
constexpr std::size_t kLongestName = 64;

std::string said(const EnvironmentOf& of, const char* name) {
  const char* value = of(name);
  return value == nullptr ? "" : value;
}

std::string first_number(const EnvironmentOf& of, const auto& names) {
  for (const char* name : names) {
    const auto value = said(of, name);
    const bool digits = std::ranges::all_of(value, [](unsigned char letter) { return std::isdigit(letter); });
    if (!value.empty() && digits) return value;
  }
  return {};
}

// What the bus takes of a name that a scheduler gave.
std::string clean(const std::string& name) {
  std::string good;
  for (const char letter : name) {
    if (valid_name(std::string(1, letter)))
      good += letter;
    else if (!good.ends_with('-'))
      good += '-';
  }
  const auto first = good.find_first_not_of('-');
  if (first == std::string::npos) return "unnamed";
  return good.substr(first, good.find_last_not_of('-') - first + 1).substr(0, kLongestName);
}

}  // namespace

std::string job_run(const std::string& otherwise, const EnvironmentOf& of) {
  if (const auto run = said(of, "TRAINBUS_RUN"); !run.empty()) return run;
  auto job = said(of, "SLURM_ARRAY_JOB_ID");
  if (job.empty()) job = said(of, "SLURM_JOB_ID");
  if (!job.empty()) {
    const auto name = said(of, "SLURM_JOB_NAME");
    return clean((name.empty() ? "job" : name) + '-' + job);
  }
  const auto elastic = said(of, "TORCHELASTIC_RUN_ID");
  return elastic.empty() || elastic == "none" ? otherwise : clean(otherwise + '-' + elastic);
}

std::string job_trainer(const EnvironmentOf& of) {
  if (const auto trainer = said(of, "TRAINBUS_TRAINER"); !trainer.empty()) return trainer;
  const auto task = said(of, "SLURM_ARRAY_TASK_ID");
  const auto rank = first_number(of, kRanks);
  const auto world = first_number(of, kWorlds);
  const bool alone = rank.empty() || world.empty() || world == "1";
  if (alone) return task.empty() ? "t0" : "task" + task;
  return task.empty() ? "rank" + rank : "task" + task + "-rank" + rank;
}

}  // namespace trainbus

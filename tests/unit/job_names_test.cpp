// What a trainer is called by its job, where nobody says it.
#include "trainbus/job_names.hpp"

#include <gtest/gtest.h>

#include <map>

namespace trainbus {
namespace {

using Variables = std::map<std::string, std::string>;

EnvironmentOf of(const Variables& variables) {
  return [&variables](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

TEST(JobNames, TheTrainerIsTheTaskOfAnArrayAndTheRankWhereThereAreSeveral) {
  const std::map<std::string, std::vector<Variables>> wanted = {
      {"t0", {{}, {{"RANK", "x"}}, {{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "1"}}, {{"RANK", "0"}}}},
      {"mine", {{{"TRAINBUS_TRAINER", "mine"}, {"RANK", "3"}, {"WORLD_SIZE", "8"}}}},
      {"rank3", {{{"RANK", "3"}, {"WORLD_SIZE", "8"}}, {{"RANK", ""}, {"PMI_RANK", "3"}, {"PMI_SIZE", "4"}}}},
      {"rank2", {{{"SLURM_PROCID", "2"}, {"SLURM_NTASKS", "4"}}}},
      {"rank5", {{{"OMPI_COMM_WORLD_RANK", "5"}, {"OMPI_COMM_WORLD_SIZE", "6"}}}},
      {"task7", {{{"SLURM_ARRAY_TASK_ID", "7"}}}},
      {"task7-rank1", {{{"SLURM_ARRAY_TASK_ID", "7"}, {"RANK", "1"}, {"WORLD_SIZE", "2"}}}},
  };
  for (const auto& [name, environments] : wanted)
    for (const auto& environment : environments)
      EXPECT_EQ(job_trainer(of(environment)), name);
}

TEST(JobNames, TheRunIsTheJobAndTheSameForAllTasksOfAnArray) {
  EXPECT_EQ(job_run("mnist", of({})), "mnist");
  EXPECT_EQ(job_run("mnist", of({{"TRAINBUS_RUN", "r"}, {"SLURM_JOB_ID", "12"}})), "r");
  EXPECT_EQ(job_run("mnist", of({{"SLURM_JOB_ID", "12"}, {"SLURM_JOB_NAME", "my job"}})), "my-job-12");
  EXPECT_EQ(job_run("mnist", of({{"SLURM_ARRAY_JOB_ID", "11"}, {"SLURM_JOB_ID", "12"}})), "job-11");
  EXPECT_EQ(job_run("mnist", of({{"TORCHELASTIC_RUN_ID", "e7"}})), "mnist-e7");
  EXPECT_EQ(job_run("mnist", of({{"TORCHELASTIC_RUN_ID", "none"}})), "mnist");
}

TEST(JobNames, ANameThatTheBusDoesNotTakeIsMadeGood) {
  EXPECT_EQ(job_run("m", of({{"SLURM_JOB_ID", "1"}, {"SLURM_JOB_NAME", "/a  b\xc3\xa9/"}})), "a-b--1");
  EXPECT_EQ(job_run("m", of({{"SLURM_JOB_ID", "///"}, {"SLURM_JOB_NAME", "//"}})), "unnamed");
  EXPECT_EQ(job_run("m", of({{"SLURM_JOB_ID", "1"}, {"SLURM_JOB_NAME", std::string(99, 'x')}})).size(), 64U);
}

}  // namespace
}  // namespace trainbus

#pragma once
// What a training is called where nobody says it: by the job that it is a part of. The names of the Python package.

#include <cstdlib>
#include <functional>
#include <string>

namespace trainbus {

// As std::getenv; another one for tests.
using EnvironmentOf = std::function<const char*(const char* name)>;

// $TRAINBUS_RUN; else JOBNAME-JOBID of Slurm, the same for all tasks of an array; else OTHERWISE-ID of torchrun's run
// id; else `otherwise`. A requeued job keeps its name: it is the same run, in a new incarnation. What a name may not
// hold is replaced by '-'.
std::string job_run(const std::string& otherwise, const EnvironmentOf& of = std::getenv);
// $TRAINBUS_TRAINER; else the array's task and the rank, where there are several: task7, rank3, task7-rank3; else "t0".
// The rank is that of torchrun (Kubeflow's as well), Slurm, Open MPI or another PMI.
std::string job_trainer(const EnvironmentOf& of = std::getenv);

}  // namespace trainbus

// What is said of the place a training runs in, and what must not be said.
#include "environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "git_state.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/host_name.hpp"

namespace trainbus {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string line(const std::vector<std::string>& arguments) { return safe_command_line(arguments); }

TEST(CommandLine, IsWhatAShellTakes) {
  EXPECT_EQ(line({"python3", "train.py", "--lr=0.1", "--name", "my run", "it's", ""}),
            "python3 train.py --lr=0.1 --name 'my run' 'it'\\''s' ''");
  EXPECT_EQ(line({}), "");
  EXPECT_EQ(line({"t", "bad \xff"}), "t 'bad ?'");
}

TEST(CommandLine, HidesTheValuesOfSecrets) {
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"--password", "hunter2"},
                                             {"--password=hunter2"},
                                             {"--DB-Passwd=hunter2"},
                                             {"-api-key", "hunter2"},
                                             {"--wandb_api_key=hunter2, and hunter2"},
                                             {"WANDB_APIKEY=hunter2"},
                                             {"db.password=hunter2"},
                                             {"+auth.token=hunter2"},
                                             {"--hf-token", "hunter2"},
                                             {"--client-secret='hunter2'"},
                                             {"--aws-credentials", "hunter2"},
                                             {"-H", "Authorization: Bearer hunter2"},
                                             {"--config={\"lr\": 1, \"password\": \"hunter2\"}"},
                                             {"-c", "password = 'hunter2'; train()"},
                                             {"--data", "postgres://ada:hunter2@db:5432/runs"},
                                             {"--data=postgres://ada:hunter2/with@odd@db/runs"},
                                             {"https://hunter2@github.com/x/y"},
                                             {"https://host/x?lr=1&access_token=hunter2&y=2"}}) {
    EXPECT_THAT(line(arguments), Not(HasSubstr("hunter2"))) << testing::PrintToString(arguments);
    EXPECT_THAT(line(arguments), HasSubstr("***")) << testing::PrintToString(arguments);
  }
}

TEST(CommandLine, HidesNothingElse) {
  EXPECT_EQ(line({"--password", "--lr", "0.1"}), "--password --lr 0.1");
  EXPECT_EQ(line({"--tokenizer=bpe"}), "--tokenizer=***") << "better too much than too little";
  EXPECT_EQ(line({"--data", "postgres://ada:secret@db/runs"}), "--data postgres://ada:***@db/runs");
  EXPECT_EQ(line({"--url", "http://host:8080/x"}), "--url http://host:8080/x");
  EXPECT_EQ(line({"ssh://git@host/x"}), "ssh://git@host/x");
  EXPECT_EQ(line({"--broker", "tcp://127.0.0.1:7760"}), "--broker tcp://127.0.0.1:7760");
  EXPECT_EQ(line({"a=b", "--epochs", "3"}), "a=b --epochs 3");
}

TEST(CommandLine, IsCut) {
  const std::string cut = line(std::vector<std::string>(1000, "argument"));
  EXPECT_EQ(cut.size(), 2048u);
  EXPECT_TRUE(cut.ends_with("..."));
}

class GitFolder : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path file(folder_ / name);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::string commit(const std::string& name = ".") {
    const auto state = read_git_state(folder_ / name);
    return state ? state->commit : "none";
  }
  std::string branch(const std::string& name = ".") {
    const auto state = read_git_state(folder_ / name);
    return state ? state->branch : "none";
  }

  test::TempDir folder_;
  const std::string one_ = std::string(40, '1');
  const std::string two_ = std::string(40, '2');
};

TEST_F(GitFolder, IsFoundAboveTheWorkingFolder) {
  EXPECT_EQ(commit(), "none");
  write(".git/HEAD", "ref: refs/heads/fix/this\n");
  write(".git/refs/heads/fix/this", one_ + "\n");
  write("src/deep/file", "");
  EXPECT_EQ(commit("src/deep"), one_);
  EXPECT_EQ(branch("src/deep"), "fix/this");
}

TEST_F(GitFolder, MayHavePackedItsRefs) {
  write(".git/HEAD", "ref: refs/heads/main\n");
  write(".git/packed-refs", "# pack-refs with: peeled fully-peeled sorted\n" + two_ + " refs/heads/main2\n" + one_ +
                                " refs/heads/main\n^" + two_ + "\n");
  EXPECT_EQ(commit(), one_);
  write(".git/refs/heads/main", two_ + "\n");
  EXPECT_EQ(commit(), two_) << "a loose ref is newer than a packed one";
}

TEST_F(GitFolder, MayHaveADetachedHeadOrNoCommitYet) {
  write(".git/HEAD", one_ + "\n");
  EXPECT_EQ(commit(), one_);
  EXPECT_EQ(branch(), "");
  write(".git/HEAD", "ref: refs/heads/main\n");
  EXPECT_EQ(commit(), "");
  EXPECT_EQ(branch(), "main");
}

TEST_F(GitFolder, MayBeALinkedWorktree) {
  write("main/.git/HEAD", "ref: refs/heads/main\n");
  write("main/.git/refs/heads/main", one_ + "\n");
  write("main/.git/refs/heads/side", two_ + "\n");
  write("main/.git/worktrees/w/HEAD", "ref: refs/heads/side\n");
  write("main/.git/worktrees/w/commondir", "../..\n");
  write("w/.git", "gitdir: " + folder_ / "main/.git/worktrees/w" + "\n");
  EXPECT_EQ(commit("w"), two_);
  EXPECT_EQ(branch("w"), "side");
  write("w/.git", "gitdir: ../main/.git/worktrees/w\n");
  EXPECT_EQ(commit("w"), two_) << "relative, as of a submodule";
}

TEST_F(GitFolder, ThatIsBrokenSaysNothing) {
  write(".git", "rubbish");
  EXPECT_EQ(commit(), "none");
  write("a/.git/HEAD", "ref: ../../outside\n");
  write("outside", one_);
  EXPECT_EQ(commit("a"), "none");
  write("b/.git/HEAD", "ref: refs/heads/loop\n");
  write("b/.git/refs/heads/loop", "ref: refs/heads/loop\n");
  EXPECT_EQ(commit("b"), "");
  write("c/.git/HEAD", std::string(100'000, 'x'));
  EXPECT_EQ(commit("c"), "none");
}

TEST(Environment, SaysWhereThisProcessRuns) {
  const Environment found = environment();
  EXPECT_EQ(found.at("env/host"), host_name());
  EXPECT_EQ(found.at("env/pid"), std::to_string(getpid()));
  EXPECT_THAT(found.at("env/command_line"), HasSubstr("_unit_tests"));
  EXPECT_THAT(found.at("env/device"), HasSubstr(" threads"));
  EXPECT_THAT(found.at("env/os"), HasSubstr("Linux"));
  EXPECT_FALSE(found.at("env/user").empty());
}

}  // namespace
}  // namespace trainbus

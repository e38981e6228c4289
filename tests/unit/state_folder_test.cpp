#include "broker/state_folder.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.hpp"
#include "trainbus/own_folder.hpp"

namespace trainbus {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

unsigned mode_of(const std::string& path) {
  struct stat found {};
  return stat(path.c_str(), &found) == 0 ? found.st_mode & 07777 : 0;
}

std::string refusal_of(const std::string& path) {
  try {
    StateFolder folder(path);
    return "taken";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

void write_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

TEST(StateFolder, IsForItsUserAlone) {
  const test::TempDir temp;
  const StateFolder folder(temp / "new/state");
  for (const auto* name : {"new", "new/state", "new/state/broker"})
    EXPECT_EQ(mode_of(temp / name), 0700u) << name;
  for (const auto& file : {folder.journal_path(), folder.lock_path(), folder.path() + "/broker_id"})
    EXPECT_EQ(mode_of(file), 0600u) << file;
}

TEST(StateFolder, IsClosedToOthersWhereItWasOpen) {
  const test::TempDir temp;
  const std::string state = temp / "state";
  fs::create_directory(state);
  write_file(state + "/journal.sqlite", "");
  write_file(state + "/journal.sqlite-wal", "");
  chmod(state.c_str(), 0755);
  chmod((state + "/journal.sqlite").c_str(), 0644);
  chmod((state + "/journal.sqlite-wal").c_str(), 0664);
  const StateFolder folder(state);
  EXPECT_EQ(mode_of(state), 0700u);
  EXPECT_EQ(mode_of(state + "/journal.sqlite"), 0600u);
  EXPECT_EQ(mode_of(state + "/journal.sqlite-wal"), 0600u);
}

TEST(StateFolder, LeavesAFolderThatIsMeantForAllAsItIs) {
  const test::TempDir temp;
  const std::string shared = temp / "shared";
  fs::create_directory(shared);
  chmod(shared.c_str(), 01777);
  EXPECT_EQ(make_own_folder(shared), "");
  EXPECT_EQ(mode_of(shared), 01777u);
}

TEST(StateFolder, OfAnotherBrokerIsRefusedAndThatOneNamed) {
  const test::TempDir temp;
  const StateFolder folder(temp / "state");
  EXPECT_THAT(refusal_of(temp / "state"),
              AllOf(HasSubstr("in use by another broker"), HasSubstr("process " + std::to_string(getpid()))));
}

TEST(StateFolder, SaysThatWhoHoldsItsLockIsNoBroker) {
  const test::TempDir temp;
  std::string lock_path;
  { lock_path = StateFolder(temp / "state").lock_path(); }
  write_file(lock_path, "1\n");  // a broker that was there before
  const int fd = open(lock_path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(flock(fd, LOCK_SH), 0);
  EXPECT_THAT(refusal_of(temp / "state"),
              AllOf(HasSubstr("process " + std::to_string(getpid()) + ", which is no broker"),
                    testing::Not(HasSubstr("in use by another"))));
  close(fd);
  EXPECT_EQ(refusal_of(temp / "state"), "taken");
}

// Who could open the folder before it was closed to others may hold what was its lock.
TEST(StateFolder, IsNotHeldUpByALockOnAnotherFile) {
  const test::TempDir temp;
  fs::create_directory(temp / "state");
  write_file(temp / "state/lock", "");
  const int lock = open((temp / "state/lock").c_str(), O_RDONLY | O_CLOEXEC);
  const int whole = open((temp / "state").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(flock(lock, LOCK_SH), 0);
  ASSERT_EQ(flock(whole, LOCK_SH), 0);
  EXPECT_EQ(refusal_of(temp / "state"), "taken");
  close(lock);
  close(whole);
}

TEST(StateFolder, IsRefusedBehindASymbolicLink) {
  const test::TempDir temp;
  fs::create_directory(temp / "real");
  fs::create_symlink(temp / "real", temp / "link");
  fs::create_symlink(temp / "nowhere", temp / "dangling");
  for (const auto* name : {"link", "link/", "dangling"})
    EXPECT_THAT(refusal_of(temp / name), HasSubstr("is a symbolic link to '")) << name;
  fs::create_directory_symlink(temp.path(), temp / "above");
  EXPECT_EQ(refusal_of(temp / "above/real"), "taken") << "a link above it is the user's business";
}

TEST(StateFolder, IsRefusedWhereItIsAFileOrOfAnotherUser) {
  const test::TempDir temp;
  write_file(temp / "file", "");
  EXPECT_THAT(refusal_of(temp / "file"), HasSubstr("is no folder"));
  if (geteuid() != 0) GTEST_SKIP() << "only root gives a folder away";
  fs::create_directory(temp / "foreign");
  ASSERT_EQ(chown((temp / "foreign").c_str(), 12345, 12345), 0);
  EXPECT_THAT(refusal_of(temp / "foreign"), HasSubstr("belongs to user 12345"));
}

TEST(StateFolder, KeepsTheIdOfItsBroker) {
  const test::TempDir temp;
  const auto id = [&](const char* name) { return StateFolder(temp / name).broker_id(); };
  const auto first = id("state");
  EXPECT_EQ(first.size(), 32u);
  EXPECT_EQ(id("state"), first);
  EXPECT_NE(id("other"), first);
  fs::rename(temp / "state", temp / "moved");
  EXPECT_EQ(id("moved"), first);
  write_file(temp / "moved/broker_id", "not an id");
  const auto fresh = id("moved");
  EXPECT_EQ(fresh.size(), 32u);
  EXPECT_EQ(id("moved"), fresh);
}

class FilesInPlaceTest : public testing::Test {
 protected:
  std::string problem() const { return in_place_.problem(); }

  const test::TempDir temp_;
  const std::string journal_ = temp_ / "state/journal.sqlite";

 private:
  struct Made {
    explicit Made(const std::string& journal) {
      fs::create_directories(fs::path(journal).parent_path());
      write_file(journal, "");
      write_file(journal + "-wal", "");
    }
  };
  const Made made_{journal_};
  const FilesInPlace in_place_{files_of_journal(journal_)};
};

TEST_F(FilesInPlaceTest, SayNothingWhileTheyAre) {
  EXPECT_EQ(problem(), "");
  write_file(journal_, "grown");
  EXPECT_EQ(problem(), "");
}

TEST_F(FilesInPlaceTest, AreMissedWhenTheFolderIsRemovedOrMoved) {
  fs::rename(temp_ / "state", temp_ / "away");
  EXPECT_THAT(problem(), AllOf(HasSubstr(journal_), HasSubstr("is gone")));
  fs::rename(temp_ / "away", temp_ / "state");
  EXPECT_EQ(problem(), "") << "it was put back";
  fs::remove_all(temp_ / "state");
  EXPECT_THAT(problem(), HasSubstr("is gone"));
}

TEST_F(FilesInPlaceTest, AreMissedWhenOneIsRemovedOrReplaced) {
  fs::remove(journal_ + "-wal");
  EXPECT_THAT(problem(), HasSubstr("journal.sqlite-wal' is gone"));
  write_file(temp_ / "copy", "");
  fs::rename(temp_ / "copy", journal_);
  EXPECT_THAT(problem(), HasSubstr("no longer the file"));
}

TEST_F(FilesInPlaceTest, AreMissedWhenTheFolderIsAnotherOneByItsName) {
  fs::rename(temp_ / "state", temp_ / "away");
  const StateFolder another(temp_ / "state");
  EXPECT_THAT(problem(), HasSubstr("no longer the file"));
}

}  // namespace
}  // namespace trainbus

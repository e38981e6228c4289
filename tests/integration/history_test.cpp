// Archive, restore, delete and backup of what the journal has, by trainbus-ctl against a real broker.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "broker/sqlite.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/journal_content.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/process.hpp"
#include "tests/support/running_broker.hpp"
#include "tests/support/temp_dir.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::PlainPeer;
using test::Process;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class History : public testing::Test {
 protected:
  struct Ctl {
    std::optional<int> code;
    std::string output;
  };
  Ctl ctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--broker", broker_.address()});
    Process process("trainbus-ctl", arguments);
    const auto code = process.wait(30s);
    return {code, process.output()};
  }
  static v1::MetricsRequest record(const std::string& session, std::uint64_t sequence, std::uint64_t incarnation) {
    auto message = PlainPeer::record(sequence, incarnation);
    message.set_session_id(session);
    return message;
  }
  // An ended training of `batches` records, and its end.
  void train(const std::string& session, std::uint64_t batches, std::uint64_t incarnation = 42, bool ended = true) {
    PlainPeer peer(broker_.endpoints());
    for (std::uint64_t sequence = 1; sequence <= batches; ++sequence)
      peer.resend_as("batch/" + session + '/', record(session, sequence, incarnation));
    v1::MetricsRequest status;
    status.set_session_id(session);
    status.set_timestamp_ms(static_cast<std::uint64_t>(unix_ms()));
    status.set_incarnation(incarnation);
    status.set_sequence(1);
    status.mutable_status_update()->set_status(ended ? v1::COMPLETED : v1::RUNNING);
    peer.resend_as("status/" + session + '/', status);
    ASSERT_TRUE(eventually("stored", [&] { return stored(peer, session, incarnation) == batches; }));
  }
  std::uint64_t stored(PlainPeer& peer, const std::string& session, std::uint64_t incarnation) {
    v1::MetricsRequest hello;  // of somebody who delivers a spool: no sign of life
    hello.set_session_id(session);
    hello.set_incarnation(incarnation);
    hello.mutable_hello();
    peer.send_raw(hello.SerializeAsString());
    const auto ack = peer.next_of(v1::MetricsResponse::kAck).ack();
    for (const auto& position : ack.stored())
      if (position.kind() == v1::KIND_BATCH) return position.sequence();
    return 0;
  }
  std::size_t batches_of(const std::string& session) {
    v1::FetchRequest request;
    request.set_run(session.substr(0, session.find('/')));
    request.set_trainer(session.substr(session.find('/') + 1));
    request.add_kinds(v1::KIND_BATCH);
    return test::journal_content(broker_.endpoints(), request).records.size();
  }
  std::uint64_t lost_of(const std::string& session) {
    v1::FetchRequest request;
    request.set_run(session.substr(0, session.find('/')));
    request.add_kinds(v1::KIND_BATCH);
    std::uint64_t lost = 0;
    for (const auto& range : test::journal_content(broker_.endpoints(), request).lost)
      if (range.stream().session_id() == session) lost += range.last_sequence() - range.stream().sequence() + 1;
    return lost;
  }

  const test::TempDir temp_;
  test::RunningBroker broker_;
};

TEST_F(History, AnArchivedTrainerIsOutOfListsAndFetchedByNameAndComesBack) {
  train("old/t0", 5);
  train("new/t0", 5);
  const auto dry = ctl({"archive", "old", "--dry-run"});
  EXPECT_EQ(dry.code, 0) << dry.output;
  EXPECT_THAT(dry.output, AllOf(HasSubstr("would archive  old/t0  6 records"), Not(HasSubstr("new/t0"))));
  EXPECT_THAT(ctl({"list"}).output, HasSubstr("old")) << "a dry run does nothing";
  const auto archived = ctl({"archive", "old"});
  EXPECT_EQ(archived.code, 0) << archived.output;
  EXPECT_THAT(ctl({"list"}).output, AllOf(Not(HasSubstr("old")), HasSubstr("new")));
  EXPECT_THAT(ctl({"list", "--archived"}).output, AllOf(HasSubstr("archived  COMPLETED"), HasSubstr("old/t0")));
  EXPECT_EQ(batches_of("old/t0"), 5u);
  broker_.stop();
  broker_.start();
  EXPECT_THAT(ctl({"list"}).output, Not(HasSubstr("old"))) << "after a restart, too";
  EXPECT_EQ(ctl({"restore", "o*/t?"}).code, 0);
  EXPECT_THAT(ctl({"list"}).output, HasSubstr("old"));
  EXPECT_THAT(ctl({"commands", "old"}).output, AllOf(HasSubstr("archive"), HasSubstr("restore"), HasSubstr("APPLIED")));
}

TEST_F(History, ANewStartOfAnArchivedTrainerIsListed) {
  train("r/t", 3, 42);
  ASSERT_EQ(ctl({"archive", "r/t"}).code, 0);
  train("r/t", 3, 43);
  EXPECT_THAT(ctl({"list"}).output, HasSubstr("COMPLETED"));
}

TEST_F(History, OlderIncarnationsOfAnArchivedTrainerAreListedWhereTheyAreAskedFor) {
  for (const std::uint64_t incarnation : {43, 42, 44})
    train("r/t", 3, incarnation);
  train("r/u", 1, 7);
  PlainPeer peer(broker_.endpoints());
  const auto listed = [&](bool older) {
    v1::MetricsRequest question;
    question.mutable_list()->set_run("r");
    question.mutable_list()->set_archived(true);
    question.mutable_list()->set_older(older);
    std::vector<std::pair<std::uint64_t, bool>> found;
    const auto answer = peer.ask(question).trainers();
    for (const auto& entry : answer.trainers())
      found.emplace_back(entry.incarnation(), entry.newest());
    return found;
  };
  using Found = std::vector<std::pair<std::uint64_t, bool>>;
  EXPECT_EQ(listed(true), (Found{{43, false}, {42, false}, {44, true}, {7, true}})) << "while it is listed, too";
  ASSERT_EQ(ctl({"archive", "r/t"}).code, 0);
  EXPECT_EQ(listed(false), (Found{{44, true}, {7, true}}));
  EXPECT_EQ(listed(true), (Found{{43, false}, {42, false}, {44, true}, {7, true}}));
  broker_.stop();
  broker_.start();
  PlainPeer later(broker_.endpoints());
  v1::MetricsRequest question;
  question.mutable_list()->set_run("r");
  question.mutable_list()->set_trainer("t");
  question.mutable_list()->set_archived(true);
  question.mutable_list()->set_older(true);
  const auto answer = later.ask(question).trainers();
  ASSERT_EQ(answer.trainers_size(), 3) << "after a restart, too";
  EXPECT_TRUE(answer.trainers(0).archived());
  EXPECT_EQ(answer.trainers(0).stored(0).sequence(), 3u);
}

TEST_F(History, ADeletedTrainerIsLostForWhoeverAsksAndItsCommandsStay) {
  train("r/t", 2000);
  train("r/u", 10);
  const auto unasked = ctl({"delete", "r/t"});
  EXPECT_EQ(unasked.code, 1) << "nobody is there to be asked";
  EXPECT_THAT(unasked.output, HasSubstr("--yes"));
  EXPECT_EQ(batches_of("r/t"), 2000u);
  const auto deleted = ctl({"delete", "r/t", "--yes"});
  EXPECT_EQ(deleted.code, 0) << deleted.output;
  EXPECT_THAT(deleted.output, HasSubstr("deleted  r/t  2001 records"));
  EXPECT_EQ(batches_of("r/t"), 0u);
  EXPECT_EQ(lost_of("r/t"), 2000u);
  EXPECT_EQ(batches_of("r/u"), 10u);
  EXPECT_THAT(ctl({"list"}).output, AllOf(HasSubstr(" u "), Not(HasSubstr(" t "))));
  EXPECT_THAT(ctl({"commands", "r"}).output, AllOf(HasSubstr("delete"), HasSubstr("by ctl:"), HasSubstr("APPLIED")));
}

TEST_F(History, WhatStillComesOfADeletedIncarnationIsDroppedAndANewStartIsNew) {
  train("r/t", 10, 42);
  ASSERT_EQ(ctl({"delete", "r/*", "--yes"}).code, 0);
  for (const bool restarted : {false, true}) {
    if (restarted) {
      broker_.stop();
      broker_.start();
    }
    PlainPeer peer(broker_.endpoints());
    for (const std::uint64_t sequence : {3, 11, 14})  // sent again, and never sent before
      peer.resend_as("batch/r/t/", record("r/t", sequence, 42));
    EXPECT_TRUE(eventually("let go of", [&] { return stored(peer, "r/t", 42) == 14; }));
    EXPECT_EQ(batches_of("r/t"), 0u) << "nothing of it rises again";
  }
  EXPECT_EQ(lost_of("r/t"), 14u);
  train("r/t", 4, 43);
  EXPECT_EQ(batches_of("r/t"), 4u);
}

TEST_F(History, ALiveTrainerIsNamedAndLeftAlone) {
  train("r/live", 3, 42, false);
  train("r/ended", 3);
  const auto deleted = ctl({"delete", "r", "--yes"});
  EXPECT_EQ(deleted.code, 1);
  EXPECT_THAT(deleted.output, AllOf(HasSubstr("refused  r/live  it is live"), HasSubstr("deleted  r/ended")));
  EXPECT_EQ(batches_of("r/live"), 3u);
  EXPECT_EQ(batches_of("r/ended"), 0u);
}

TEST_F(History, OnlyWhatIsOlderIsTaken) {
  train("r/t", 3);
  const auto young = ctl({"archive", "*", "--older-than", "1d"});
  EXPECT_EQ(young.code, 0);
  EXPECT_THAT(young.output, HasSubstr("nothing to archive"));
  for (const auto* bad : {"-1d", "0d", "5", "soon"})
    EXPECT_EQ(ctl({"archive", "*", "--older-than", bad}).code, 2) << bad;
}

TEST_F(History, ABackupIsWholeSoundAndTheUsersAlone) {
  train("r/t", 3000);
  const std::string file = temp_ / "copy.sqlite";
  const auto backup = ctl({"backup", file});
  EXPECT_EQ(backup.code, 0) << backup.output;
  struct stat found {};
  ASSERT_EQ(stat(file.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0600u);
  EXPECT_FALSE(std::filesystem::exists(file + ".part"));
  const auto again = ctl({"backup", file});
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.output, HasSubstr("--force"));
  EXPECT_EQ(ctl({"backup", file, "--force"}).code, 0);
  for (const auto& left : std::filesystem::directory_iterator(broker_.state_dir() + "/broker"))
    EXPECT_THAT(left.path().filename().string(), Not(testing::StartsWith("backup-")));

  std::filesystem::create_directory(temp_ / "restored");
  std::filesystem::copy_file(file, temp_ / "restored/journal.sqlite");
  test::RunningBroker restored(temp_ / "restored");
  v1::FetchRequest batches;
  batches.add_kinds(v1::KIND_BATCH);
  EXPECT_EQ(test::journal_content(restored.endpoints(), batches).records.size(), 3000u);
}

TEST_F(History, ABackupIsMadeWhileRecordsComeInAndAllAreStored) {
  train("r/t", 500);
  Process load("trainbus-loadgen", {"--broker", broker_.address(), "--trainers", "4", "--batch-rate", "2000",
                                    "--seconds", "3", "--run", "load"});
  const std::string file = temp_ / "copy.sqlite";
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(ctl({"backup", file, "--force"}).code, 0);
  EXPECT_EQ(load.wait(60s), 0) << "it exits 0 when all is stored: " << load.output();
}

TEST_F(History, ABackupThatCannotBeWrittenLeavesNothing) {
  const auto backup = ctl({"backup", temp_ / "nowhere/copy.sqlite"});
  EXPECT_EQ(backup.code, 1);
  EXPECT_THAT(backup.output, HasSubstr("nowhere/copy.sqlite.part"));
  EXPECT_EQ(std::count(backup.output.begin(), backup.output.end(), '\n'), 1);
}

}  // namespace
}  // namespace trainbus

// Folders of images: classes from names, one size for all, and a line for the file that is broken.

#include <gmock/gmock.h>

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "producers/train/data_set.hpp"
#include "support/temp_dir.hpp"

namespace trainbus {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// An 8x8 JPEG of one colour, (200, 30, 60) as RGB within JPEG's accuracy.
std::string jpeg() {
  static constexpr unsigned char kBytes[] = {
      0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x01, 0x00, 0x00, 0x01, 0x00, 0x01,
      0x00, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x05, 0x03, 0x04, 0x04, 0x04, 0x03, 0x05, 0x04, 0x04, 0x04, 0x05,
      0x05, 0x05, 0x06, 0x07, 0x0c, 0x08, 0x07, 0x07, 0x07, 0x07, 0x0f, 0x0b, 0x0b, 0x09, 0x0c, 0x11, 0x0f, 0x12,
      0x12, 0x11, 0x0f, 0x11, 0x11, 0x13, 0x16, 0x1c, 0x17, 0x13, 0x14, 0x1a, 0x15, 0x11, 0x11, 0x18, 0x21, 0x18,
      0x1a, 0x1d, 0x1d, 0x1f, 0x1f, 0x1f, 0x13, 0x17, 0x22, 0x24, 0x22, 0x1e, 0x24, 0x1c, 0x1e, 0x1f, 0x1e, 0xff,
      0xdb, 0x00, 0x43, 0x01, 0x05, 0x05, 0x05, 0x07, 0x06, 0x07, 0x0e, 0x08, 0x08, 0x0e, 0x1e, 0x14, 0x11, 0x14,
      0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e,
      0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e,
      0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0xff, 0xc0, 0x00, 0x11,
      0x08, 0x00, 0x08, 0x00, 0x08, 0x03, 0x01, 0x22, 0x00, 0x02, 0x11, 0x01, 0x03, 0x11, 0x01, 0xff, 0xc4, 0x00,
      0x15, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x00, 0x07, 0xff, 0xc4, 0x00, 0x14, 0x10, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xc4, 0x00, 0x15, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x08, 0xff, 0xc4, 0x00, 0x14, 0x11, 0x01, 0x00,
      0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xda, 0x00,
      0x0c, 0x03, 0x01, 0x00, 0x02, 0x11, 0x03, 0x11, 0x00, 0x3f, 0x00, 0x9c, 0x80, 0x25, 0x42, 0xbf, 0xff, 0xd9,
  };
  return {reinterpret_cast<const char*>(kBytes), sizeof kBytes};
}
// A 4x2 PNG of the same colour.
std::string png() {
  static constexpr unsigned char kBytes[] = {
      0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
      0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x02, 0x08, 0x02, 0x00, 0x00, 0x00, 0xf0, 0xca, 0xea,
      0x34, 0x00, 0x00, 0x00, 0x15, 0x49, 0x44, 0x41, 0x54, 0x08, 0x1d, 0x63, 0x3c, 0x21, 0x67, 0xc3,
      0x00, 0x03, 0x8c, 0x27, 0xe4, 0x6c, 0x18, 0x60, 0x00, 0x00, 0x28, 0xff, 0x02, 0x47, 0xcf, 0x80,
      0xdb, 0x4c, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
  };
  return {reinterpret_cast<const char*>(kBytes), sizeof kBytes};
}

class ImageFolders : public ::testing::Test {
 protected:
  ImageFolders() {
    write("dog/b.jpeg", jpeg());
    write("cat/a.JPG", jpeg());
    write("cat/c.png", png());
    write("cat/notes.txt", "not an image");
    write(".hidden/x.jpg", "");
  }
  void write(const std::string& name, const std::string& bytes) {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }
  void clear() {
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      fs::remove_all(entry);
  }
  LoadedSamples load(int image_size = 0, bool skip_bad = false) {
    return open_data_source(
               {.spec = "folder:" + folder_.path().string(), .image_size = image_size, .skip_bad = skip_bad})
        ->load({});
  }
  LoadedSamples load_what_is_good() { return load(0, true); }
  // What is said to be left out, without the folder's name.
  std::string left_out() {
    const auto prefix = "left out of " + folder_.path().string() + ": ";
    for (const auto& note : load().notes)
      if (note.starts_with(prefix)) return note.substr(prefix.size());
    return "(nothing)";
  }
  std::string error(bool skip_bad = false) {
    try {
      load(0, skip_bad);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "(no error)";
  }

  test::TempDir folder_;
};

TEST_F(ImageFolders, GiveSortedClassesAndImagesOfOneSize) {
  const auto loaded = load();
  EXPECT_THAT(loaded.class_names, ElementsAre("cat", "dog"));
  ASSERT_EQ(loaded.samples.size(), 3U);
  EXPECT_EQ(loaded.first_validation, 3U);
  EXPECT_EQ(loaded.samples.shape(), (ImageShape{.width = 8, .height = 8, .channels = 3}));
  EXPECT_EQ(loaded.samples.label(2), 1);
  for (std::size_t index = 0; index < 3; ++index)
    for (const auto& [channel, value] : {std::pair{0, 200}, {1, 30}, {2, 60}})
      EXPECT_NEAR(loaded.samples.pixels(index)[channel], value, 4) << index << ' ' << channel;
}

TEST_F(ImageFolders, AreResizedToTheSizeAskedFor) {
  EXPECT_EQ(load(5).samples.shape(), (ImageShape{.width = 5, .height = 5, .channels = 3}));
}

TEST_F(ImageFolders, WithTrainAndValAreTwoParts) {
  for (const char* name : {"train/cat/1.jpg", "train/dog/2.jpg", "val/cat/3.png", "val/dog/4.png"})
    write(name, std::string(name).ends_with("png") ? png() : jpeg());
  const auto loaded = load();
  EXPECT_THAT(loaded.class_names, ElementsAre("cat", "dog"));
  EXPECT_EQ(loaded.samples.size(), 4U);
  EXPECT_EQ(loaded.first_validation, 2U);
}

TEST_F(ImageFolders, TakePartsOfAnyUsualNameInAnyCase) {
  for (const auto& [train, validation] : std::vector<std::pair<std::string, std::string>>{
           {"train", "Val"}, {"TRAIN", "valid"}, {"Train", "Validation"}, {"train", "TEST"}, {"training", "testing"}}) {
    clear();
    write(train + "/cat/1.jpg", jpeg());
    write(train + "/dog/2.jpg", jpeg());
    write(validation + "/dog/4.png", png());
    const auto loaded = load();
    EXPECT_THAT(loaded.class_names, ElementsAre("cat", "dog")) << train << ' ' << validation;
    EXPECT_EQ(loaded.samples.size(), 3U);
    EXPECT_EQ(loaded.first_validation, 2U);
    EXPECT_EQ(loaded.samples.label(2), 1);
    EXPECT_THAT(loaded.notes, ElementsAre(validation + "/ has no image of 1 of the 2 classes"));
  }
}

TEST_F(ImageFolders, SayWhichPartIsNotRead) {
  clear();
  for (const char* name : {"train/cat/1.jpg", "train/dog/2.jpg", "val/cat/3.jpg", "val/dog/4.jpg", "val/cow/5.jpg",
                           "test/cat/6.jpg", "test/dog/7.jpg", "drafts/8.jpg"})
    write(name, jpeg());
  write("train/9.jpg", jpeg());
  EXPECT_EQ(load().samples.size(), 4U);
  EXPECT_EQ(left_out(),
            "2 in test/ (val/ validates), 1 in drafts/ (val/ validates), 1 in no class folder, "
            "1 in val/cow (no class of the training part)");
}

TEST_F(ImageFolders, OfATrainingPartAloneAreSplitLikeAnyOther) {
  clear();
  write("train/cat/1.jpg", jpeg());
  write("train/dog/2.jpg", jpeg());
  write("test/3.jpg", jpeg());
  const auto loaded = load();
  EXPECT_THAT(loaded.class_names, ElementsAre("cat", "dog"));
  EXPECT_EQ(loaded.first_validation, loaded.samples.size());
  EXPECT_EQ(left_out(), "1 in test/ (no classes in it)");
  fs::rename(folder_ / "train", folder_ / "val");
  EXPECT_THAT(error(), HasSubstr("there is no train/ beside val/"));
}

TEST_F(ImageFolders, WhoseClassesBearTheNamesOfPartsAreClasses) {
  clear();
  for (const char* name : {"train/1.jpg", "test/2.jpg", "plane/3.jpg"})
    write(name, jpeg());
  EXPECT_THAT(load().class_names, ElementsAre("plane", "test", "train"));
  write("train/steam/4.jpg", jpeg());
  const auto loaded = load();
  EXPECT_EQ(loaded.samples.size(), 4U);
  EXPECT_THAT(loaded.notes, ElementsAre("train/ is taken for a class: no val/ with classes lies beside it"));
}

TEST_F(ImageFolders, ReadEveryUsualExtensionInAnyCase) {
  clear();
  write("dog/1.jpg", jpeg());
  std::size_t count = 1;
  for (const std::string name : {"jpg", "jpeg", "jpe", "jfif", "JPG", "Jpeg", "png", "PNG", "webp", "bmp", "tif",
                                 "tiff", "ppm", "pgm", "TIFF"}) {
    write("cat/picture." + name, name.starts_with("p") ? png() : jpeg());  // what it is, its first bytes say
    ++count;
  }
  EXPECT_EQ(load().samples.size(), count);
  EXPECT_EQ(left_out(), "(nothing)");
}

TEST_F(ImageFolders, TakeWhatLiesDeeperAsOfTheClassAbove) {
  write("cat/2024/may/d.jpg", jpeg());
  write("dog/x/y/z/e.png", png());
  const auto loaded = load();
  EXPECT_THAT(loaded.class_names, ElementsAre("cat", "dog"));
  EXPECT_EQ(loaded.samples.size(), 5U);
}

TEST_F(ImageFolders, CountWhatTheyLeaveOutByReason) {
  EXPECT_EQ(left_out(), "1 .txt, 1 hidden");
  for (const char* name : {"cat/._a.JPG", "cat/.DS_Store", "dog/._b.jpeg"})
    write(name, "note");
  for (const char* name : {"__MACOSX/cat/._a.JPG", "cat/Thumbs.db", "dog/THUMBS.DB", "dog/desktop.ini"})
    write(name, "note");
  for (const char* name : {"cat/moves.gif", "dog/Phone.HEIC", "labels.csv", "dog/README", "one.jpg"})
    write(name, jpeg());
  mkfifo((folder_ / "dog/pipe.jpg").c_str(), 0600);  // reading it would wait for ever
  EXPECT_EQ(load().samples.size(), 3U);
  EXPECT_EQ(left_out(),
            "4 hidden, 4 of the system, 1 .csv, 1 .gif (format not read), 1 .heic (format not read), 1 .txt, "
            "1 in no class folder, 1 no regular files and 1 more");
}

TEST_F(ImageFolders, AreOfTheSizeThatMostImagesHave) {
  clear();
  const auto pnm = [](int width, int height) {
    return "P5 " + std::to_string(width) + ' ' + std::to_string(height) + " 255\n" + std::string(width * height, 'x');
  };
  write("cat/1.pgm", pnm(1, 1));
  write("cat/2.pgm", pnm(20, 28));
  write("dog/3.pgm", pnm(28, 28));
  write("dog/4.pgm", pnm(400, 3));
  write("dog/5.pgm", pnm(28, 27));
  EXPECT_EQ(load().samples.shape().width, 28) << "the median of 1, 28, 28, 28 and 400";
  write("dog/6.pgm", pnm(300, 200));
  write("dog/7.pgm", pnm(300, 200));
  write("dog/8.pgm", pnm(300, 200));
  EXPECT_EQ(load().samples.shape().width, 28) << "the lower one of the two in the middle";
  write("dog/9.pgm", pnm(300, 200));
  EXPECT_EQ(load().samples.shape().width, 64) << "300 is over the bound";
}

TEST_F(ImageFolders, NameABrokenImage) {
  write("dog/b.jpeg", jpeg().substr(0, jpeg().size() - 20));
  EXPECT_THAT(error(), HasSubstr("dog/b.jpeg: damaged JPEG: "));
  write("dog/b.jpeg", "GIF89a, and not a JPEG");
  EXPECT_THAT(error(), HasSubstr("dog/b.jpeg: is a GIF file, which is not read"));
  write("dog/b.jpeg", "");
  EXPECT_THAT(error(), HasSubstr("dog/b.jpeg: is empty"));
  write("dog/b.jpeg", jpeg());
  write("cat/c.png", png().substr(0, png().size() - 20));
  EXPECT_THAT(error(), HasSubstr("cat/c.png: damaged PNG: "));
}

TEST_F(ImageFolders, NameAllThatIsBadAndCountTheRest) {
  for (int file = 0; file < 9; ++file)
    write("dog/bad" + std::to_string(file) + ".png", "oops");
  fs::create_symlink("/nowhere/at/all.jpg", folder_ / "cat/gone.jpg");
  fs::create_symlink("round.jpg", folder_ / "cat/round.jpg");
  const auto line = error();
  EXPECT_THAT(line, HasSubstr(": 11 bad: "));
  EXPECT_THAT(line, HasSubstr("cat/gone.jpg: points to nothing; "));
  EXPECT_THAT(line, HasSubstr("cat/round.jpg: Too many levels of symbolic links; "));
  EXPECT_THAT(line,
              HasSubstr("dog/bad2.png: is none of JPEG, PNG, WebP, TIFF, BMP, PPM and PGM; and 6 more (--skip-bad"));
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST_F(ImageFolders, LeaveOutWhatIsBadByNameWhereThatIsAskedFor) {
  for (int file = 0; file < 30; ++file)
    write("dog/bad" + std::to_string(10 + file) + ".png", "oops");
  write("fish/a.txt", "no picture of a fish");
  write("dog/two\nlines.jpg", "oops");
  const auto loaded = load_what_is_good();
  EXPECT_THAT(loaded.class_names, ElementsAre("cat", "dog"));
  EXPECT_EQ(loaded.samples.size(), 3U);
  EXPECT_EQ(loaded.first_validation, 3U);
  EXPECT_THAT(loaded.notes, Contains("skipped fish: holds no image"));
  EXPECT_THAT(loaded.notes, Contains("skipped dog/bad10.png: is none of JPEG, PNG, WebP, TIFF, BMP, PPM and PGM"));
  EXPECT_THAT(loaded.notes, Contains("skipped 12 more"));
  EXPECT_EQ(loaded.notes.size(), 22U);
  write("dog/b.jpeg", "and no dog is left");
  EXPECT_THAT(error(true), HasSubstr("no image of class dog can be read: fish: holds no image; "));
}

TEST_F(ImageFolders, KeepThePartsApartWhenOneImageIsBad) {
  clear();
  for (const char* name : {"train/cat/1.jpg", "train/dog/2.jpg", "val/cat/3.jpg", "val/dog/4.jpg"})
    write(name, jpeg());
  write("train/dog/0.jpg", "oops");
  write("train/dog/9.jpg", "oops");
  write("val/dog/5.jpg", "oops");
  const auto loaded = load_what_is_good();
  EXPECT_EQ(loaded.samples.size(), 4U);
  EXPECT_EQ(loaded.first_validation, 2U);
  EXPECT_EQ(loaded.samples.label(1), 1);
  EXPECT_EQ(loaded.samples.label(2), 0);
}

TEST_F(ImageFolders, FollowLinksWithoutGoingRound) {
  test::TempDir elsewhere;
  std::ofstream(elsewhere / "f.jpg", std::ios::binary) << jpeg();
  fs::create_directory_symlink(elsewhere.path(), folder_ / "dog/more");
  fs::create_directory_symlink("..", folder_ / "cat/all_classes");
  fs::create_directory_symlink("/", folder_ / "cat/all_there_is");
  fs::create_directory_symlink(".", folder_ / "dog/here");
  write("cat/deep/d.jpg", jpeg());
  fs::create_directory_symlink("deep", folder_ / "cat/again");
  const auto loaded = load();
  EXPECT_THAT(loaded.class_names, ElementsAre("cat", "dog"));
  EXPECT_EQ(loaded.samples.size(), 5U);
  EXPECT_EQ(left_out(), "4 links to a folder above or read already, 1 .txt, 1 hidden");
}

TEST_F(ImageFolders, ThatMayNotBeReadAreNamed) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  fs::permissions(folder_ / "dog/b.jpeg", fs::perms::none);
  EXPECT_THAT(error(), HasSubstr("dog/b.jpeg: Permission denied"));
  fs::permissions(folder_ / "dog", fs::perms::none);
  EXPECT_THAT(error(), HasSubstr("dog: Permission denied"));
  fs::permissions(folder_ / "dog", fs::perms::all);
}

TEST_F(ImageFolders, WithoutImagesOrClassesAreRefused) {
  fs::remove(folder_ / "dog/b.jpeg");
  EXPECT_THAT(error(),
              HasSubstr("needs a subfolder per class, two at least; it has 1 with images; dog: holds no image"));
  fs::remove_all(folder_ / "dog");
  EXPECT_THAT(error(),
              HasSubstr("needs a subfolder per class, two at least; it has 1 with images; are the classes in "));
  clear();
  EXPECT_THAT(error(), HasSubstr("it has 0 with images"));
  write("one.jpg", jpeg());
  EXPECT_THAT(error(), HasSubstr("it has 0 with images; left out: 1 in no class folder"));
}

TEST_F(ImageFolders, GiveUpReadingWhenAskedTo) {
  const auto source = open_data_source({.spec = "folder:" + folder_.path().string()});
  EXPECT_THROW(source->load([] { return true; }), std::runtime_error);
}

TEST(DataSource, ThatIsAbsentOrUnknownIsNamed) {
  for (const auto& [spec, expected] : {std::pair{"folder:/nowhere/at/all", "there is no folder '/nowhere/at/all'"},
                                       {"imagenet:/tmp", "'imagenet:/tmp' is none of"},
                                       {"mnist", "'mnist' is none of"},
                                       {"mnist:", "'mnist:' is none of"},
                                       {"shapes:9", "'shapes:9' is none of"}}) {
    try {
      open_data_source({.spec = spec});
      ADD_FAILURE() << spec << " was accepted";
    } catch (const std::exception& error) {
      EXPECT_THAT(error.what(), HasSubstr(expected));
    }
  }
}

}  // namespace
}  // namespace trainbus

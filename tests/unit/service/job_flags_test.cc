#include "server/service/job_flags.h"

#include <gtest/gtest.h>

#include "base/status.h"
#include "server/service/flags.h"

namespace circuitd {
namespace {

ServerOptions Retention(const std::string& text) {
  ServerOptions options;
  EXPECT_TRUE(ParseRetention(text, options).ok()) << text;
  return options;
}

TEST(JobFlagsTest, RetentionIsAnAgeASizeOrBoth) {
  EXPECT_EQ(Retention("30d").retention_age, absl::Hours(720));
  EXPECT_EQ(Retention("30d").retention_bytes, INT64_MAX);
  EXPECT_EQ(Retention("1.5h").retention_age, absl::Minutes(90));
  EXPECT_EQ(Retention("10m").retention_age, absl::Minutes(10));
  EXPECT_EQ(Retention("10GiB").retention_bytes, int64_t{10} << 30);
  EXPECT_EQ(Retention("10GiB").retention_age, absl::InfiniteDuration());
  EXPECT_EQ(Retention("5MB, 2s").retention_bytes, 5'000'000);
  EXPECT_EQ(Retention("5MB, 2s").retention_age, absl::Seconds(2));
  EXPECT_EQ(Retention("off").retention_age, absl::InfiniteDuration());
  EXPECT_EQ(Retention("off").retention_bytes, INT64_MAX);
  EXPECT_GT(Retention("99999999999TiB").retention_bytes, 0);
}

TEST(JobFlagsTest, RefusesRetentionThatIsNone) {
  for (const char* text : {"", "30", "d", "-1d", "30x", "1d,,2GB", "1..2d", "off,1d"}) {
    ServerOptions options;
    const absl::Status status = ParseRetention(text, options);
    EXPECT_EQ(FieldOf(status), "--retention") << text;
  }
}

TEST(JobFlagsTest, FlagsReachTheOptions) {
  const char* argv[] = {"circuitd",  "--data-dir",
                        "/srv/jobs", "--retention",
                        "7d,1GiB",   "--user-weight",
                        "ann=2.5",   "--user-weight",
                        "a=b=1",     "--job-turn",
                        "5",         "--max-running-jobs-per-user",
                        "2",         "--max-queued-jobs-per-user",
                        "3"};
  const ParsedFlags parsed = ParseFlags(std::size(argv), argv);
  ASSERT_FALSE(parsed.exit_code);
  EXPECT_EQ(parsed.options.data_dir, "/srv/jobs");
  EXPECT_EQ(parsed.options.retention_age, absl::Hours(7 * 24));
  EXPECT_EQ(parsed.options.user_weights.at("ann"), 2.5);
  EXPECT_EQ(parsed.options.user_weights.at("a=b"), 1);
  EXPECT_EQ(parsed.options.job_turn, absl::Seconds(5));
  EXPECT_EQ(parsed.options.max_running_jobs_per_user, 2);
  EXPECT_EQ(parsed.options.max_queued_jobs_per_user, 3);
}

TEST(JobFlagsTest, RefusesSharesThatAreNone) {
  for (const char* share : {"ann", "ann=", "ann=0", "ann=-1", "ann=nan", "ann=inf"}) {
    const char* argv[] = {"circuitd", "--user-weight", share};
    EXPECT_EQ(ParseFlags(3, argv).exit_code, 2) << share;
  }
}

TEST(JobFlagsTest, JobsAreKeptInTheHomeOfTheUserUnlessToldOtherwise) {
  setenv("XDG_STATE_HOME", "/state", 1);
  EXPECT_EQ(DefaultDataDir(), "/state/circuitd");
  setenv("XDG_STATE_HOME", "relative", 1);  // is none, says the specification
  setenv("HOME", "/home/ann", 1);
  EXPECT_EQ(DefaultDataDir(), "/home/ann/.local/state/circuitd");
  unsetenv("HOME");
  EXPECT_EQ(DefaultDataDir(), "");
  const char* argv[] = {"circuitd"};
  EXPECT_EQ(ParseFlags(1, argv).exit_code, 2);
}

}  // namespace
}  // namespace circuitd

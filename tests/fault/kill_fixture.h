// A server that tests kill again and again, at points that chance draws.
#pragma once

#include <gmock/gmock.h>

#include <cstdint>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "tests/integration/server_process.h"

namespace circuitd {

class KillTest : public testing::Test {
 protected:
  void SetUp() override {
    server_ = ServerProcess::Start(ServerFlags());
    ASSERT_NE(server_, nullptr);
    const int flag = GTEST_FLAG_GET(random_seed);
    const uint32_t seed = flag != 0 ? static_cast<uint32_t>(flag) : std::random_device()() % 99999 + 1;
    std::cout << "to draw these kills again: --gtest_random_seed=" << seed << std::endl;
    random_.seed(seed);
  }

  int Draw(int first, int last) { return std::uniform_int_distribution<int>(first, last)(random_); }
  bool Chance(double probability) { return std::bernoulli_distribution(probability)(random_); }
  // Nothing is waited for: where in the server's work a kill falls is left to chance.
  void Pause(absl::Duration most) { absl::SleepFor(most * std::uniform_real_distribution<double>(0, 1)(random_)); }

  void KillAndStartAgain() {
    server_->Kill();
    ++kills_;
    ASSERT_TRUE(server_->StartAgain());
  }

  // Kills the server at some point of the job's life that is still to come; false if that was after the job's end. The
  // job's watcher prints `steps` in this order, of which it may skip none.
  bool KillDuring(Subprocess& watcher, const std::vector<std::string>& steps) {
    if (Chance(0.25)) {  // while it is prepared again
      Pause(absl::Milliseconds(250));
    } else if (Chance(0.25)) {  // while its files are written
      EXPECT_TRUE(watcher.WaitForOutput(steps.back())) << watcher.err();
      Pause(absl::Milliseconds(20));
    } else {
      const std::string seen = watcher.out();
      const int last = static_cast<int>(steps.size()) - 1;
      int next = 0;
      while (next < last && seen.find(steps[next]) != std::string::npos) ++next;
      EXPECT_TRUE(watcher.WaitForOutput(steps[Draw(next, last)])) << watcher.err();
    }
    const bool ended = watcher.out().find("\"JOB_STATE_SUCCEEDED\"") != std::string::npos;
    KillAndStartAgain();
    return !ended;
  }

  void Fetch(const std::string& job, const std::string& folder) {
    const Finished fetched = server_->Run({"fetch", job, "-o", folder});
    EXPECT_EQ(fetched.exit_code, 0) << fetched.err;
  }

  std::unique_ptr<ServerProcess> server_;
  std::mt19937 random_;
  int kills_ = 0;
};

}  // namespace circuitd

#include "server/telemetry/metrics.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace circuitd {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string HttpGet(int port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    if (write(fd, request.data(), request.size()) == static_cast<ssize_t>(request.size())) {
      char buffer[4096];
      for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) answer.append(buffer, n);
    }
  }
  close(fd);
  return answer;
}

TEST(MetricsTest, CountsRpcsByMethodAndCode) {
  Metrics metrics("1.2.3");
  metrics.RpcEnded("JobService/GetJob", "OK", 0.002);
  metrics.RpcEnded("JobService/GetJob", "OK", 0.2);
  metrics.RpcEnded("JobService/GetJob", "NOT_FOUND", 0.2);
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr(R"(circuitd_rpc_requests_total{code="OK",method="JobService/GetJob"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(circuitd_rpc_requests_total{code="NOT_FOUND",method="JobService/GetJob"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(circuitd_rpc_seconds_bucket{method="JobService/GetJob",le="0.0025"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(circuitd_rpc_seconds_count{method="JobService/GetJob"} 3)"));
}

TEST(MetricsTest, CountsJobsDecisionsAndSeconds) {
  Metrics metrics("1.2.3");
  metrics.JobEnded("failed");
  metrics.CallsRanTogether(5);
  metrics.DecisionMade();
  metrics.DecisionMade();
  metrics.ForwardSeconds(0.5);
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr(R"(circuitd_jobs_ended_total{state="failed"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(circuitd_jobs_ended_total{state="succeeded"} 0)"));
  EXPECT_THAT(text, HasSubstr("circuitd_joint_calls_sum 5"));
  EXPECT_THAT(text, HasSubstr("circuitd_decisions_total 2"));
  EXPECT_THAT(text, HasSubstr("circuitd_forward_seconds_total 0.5"));
  EXPECT_THAT(text, HasSubstr(R"(circuitd_build_info{version="1.2.3"} 1)"));
}

TEST(MetricsTest, AsksGaugesAtEachScrapeUntilTheyAreTakenBack) {
  Metrics metrics("1.2.3");
  double queued = 3;
  metrics.SetGauges({.queued_calls = [&] { return queued; }, .queued_jobs = {}, .loaded_models = {}});
  EXPECT_THAT(metrics.Text(), HasSubstr("circuitd_queued_calls 3"));
  queued = 4;
  EXPECT_THAT(metrics.Text(), HasSubstr("circuitd_queued_calls 4"));
  metrics.SetGauges({});
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("circuitd_queued_calls")));
}

TEST(MetricsServerTest, ServesMetricsOnAPortOfTheKernelsChoice) {
  Metrics metrics("1.2.3");
  const auto server = MetricsServer::Start("127.0.0.1:0", metrics);
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_GT((*server)->port(), 0);
  EXPECT_THAT(HttpGet((*server)->port(), "/metrics"), HasSubstr("circuitd_build_info"));
}

TEST(MetricsServerTest, SaysWhichAddressIsTaken) {
  Metrics metrics("1.2.3");
  const auto first = MetricsServer::Start("127.0.0.1:0", metrics);
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string address = "127.0.0.1:" + std::to_string((*first)->port());
  const auto second = MetricsServer::Start(address, metrics);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(address));
}

}  // namespace
}  // namespace circuitd

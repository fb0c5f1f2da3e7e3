// What looks at a server from outside: health checks, reflection, Prometheus.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "absl/strings/str_cat.h"
#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Messages of services whose protos Debian does not install, in protobuf's wire format.
constexpr char kEverything[] = "";             // HealthCheckRequest without a service
constexpr char kServing[] = "\x08\x01";        // HealthCheckResponse.status (field 1) SERVING
constexpr char kListServices[] = "\x3a\x01*";  // ServerReflectionRequest.list_services (field 7)

struct Reply {
  grpc::Status status;
  std::string message;
};

// One call of one message, to a method of any kind; its first answer.
Reply Call(const std::string& address, const std::string& method, const std::string& request) {
  grpc::GenericStub stub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  grpc::CompletionQueue queue;
  const auto step = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  Reply reply;
  const auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  EXPECT_TRUE(step()) << "no connection";
  const grpc::Slice slice(request);
  call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
  step();
  grpc::ByteBuffer buffer;
  call->Read(&buffer, nullptr);
  if (step()) {
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(buffer.Dump(&slices).ok());
    for (const grpc::Slice& part : slices)
      reply.message.append(reinterpret_cast<const char*>(part.begin()), part.size());
  }
  call->Finish(&reply.status, nullptr);
  step();
  return reply;
}

Reply CheckHealth(const std::string& address) { return Call(address, "/grpc.health.v1.Health/Check", kEverything); }

// What an HTTP/1.0 server answers to GET; empty if nobody is there.
std::string Get(int port, const std::string& path) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  const std::string request = absl::StrCat("GET ", path, " HTTP/1.0\r\n\r\n");
  if (connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
      send(connection, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    char buffer[4096];
    for (ssize_t count; (count = read(connection, buffer, sizeof(buffer))) > 0;) {
      answer.append(buffer, static_cast<size_t>(count));
    }
  }
  close(connection);
  return answer;
}

class ProbeTest : public SharedServerTest {
 protected:
  // The value of a sample; -1 if it is not there.
  static double Sample(const std::string& name_and_labels) {
    const std::string text = Get(server_->metrics_port(), "/metrics");
    EXPECT_THAT(text, StartsWith("HTTP/1.1 200 OK"));
    const size_t line = text.find(absl::StrCat("\n", name_and_labels, " "));
    return line == std::string::npos ? -1 : std::stod(text.substr(line + name_and_labels.size() + 2));
  }
};

TEST_F(ProbeTest, IsHealthy) {
  const Reply reply = CheckHealth(server_->address());
  EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_EQ(reply.message, kServing);
}

TEST_F(ProbeTest, ListsItsServices) {
  const Reply reply =
      Call(server_->address(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", kListServices);
  for (const std::string service : {"Dataset", "Inference", "Job", "Model", "Server"}) {
    EXPECT_THAT(reply.message, HasSubstr(absl::StrCat("circuitd.v1.", service, "Service")));
  }
}

TEST_F(ProbeTest, SaysThatAMethodIsUnknown) {
  for (const std::string method : {"/circuitd.v1.JobService/Nope", "/some.Service/Nope"}) {
    EXPECT_EQ(Call(server_->address(), method, "").status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << method;
  }
  // Names of the clients' choice make no time series of their own.
  EXPECT_THAT(Get(server_->metrics_port(), "/metrics"), testing::Not(HasSubstr("Nope")));
}

TEST_F(ProbeTest, RefusesBytesThatAreNoMessage) {
  const Reply reply = Call(server_->address(), "/circuitd.v1.InferenceService/Forward", "\xff\xff\xff");
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << reply.status.error_message();
  EXPECT_THAT(reply.status.error_message(), HasSubstr("malformed"));
  EXPECT_EQ(reply.message, "");
}

TEST_F(ProbeTest, CountsWhatItDoes) {
  constexpr char kFine[] = R"(circuitd_rpc_requests_total{code="OK",method="InferenceService/Forward"})";
  constexpr char kRefused[] = R"(circuitd_rpc_requests_total{code="NOT_FOUND",method="InferenceService/Forward"})";
  server_->ExpectUnharmed();
  const double fine = Sample(kFine);
  const double work = Sample("circuitd_forward_seconds_total");
  EXPECT_GE(fine, 1);
  EXPECT_GT(work, 0);
  EXPECT_EQ(Sample(R"(circuitd_build_info{version="0.1.0"})"), 1);
  EXPECT_EQ(Sample("circuitd_loaded_models"), 1);
  EXPECT_EQ(Sample("circuitd_queued_jobs"), 0);
  EXPECT_EQ(Sample("circuitd_decisions_total"), 0);

  server_->ExpectUnharmed();
  ExpectRefused({"forward", "--model", "nope", "Van"}, 3, {"NOT_FOUND"});
  EXPECT_EQ(Sample(kFine), fine + 1);
  EXPECT_EQ(Sample(kRefused), 1);
  EXPECT_GT(Sample("circuitd_forward_seconds_total"), work);

  server_->Cancel(server_->StartLongJob());
  EXPECT_GE(Sample("circuitd_decisions_total"), 1);
  EXPECT_EQ(Sample(R"(circuitd_jobs_ended_total{state="cancelled"})"), 1);
  EXPECT_EQ(Sample(R"(circuitd_jobs_ended_total{state="failed"})"), 0);
}

TEST(DrainingProbeTest, IsNotHealthyWhileItDrains) {
  std::vector<std::string> flags = ServerFlags();
  flags.insert(flags.end(), {"--drain-timeout", "300"});
  const auto server = ServerProcess::Start(flags);
  ASSERT_NE(server, nullptr);
  const std::string job = server->StartLongJob();
  server->process().Signal(SIGTERM);
  ASSERT_TRUE(server->process().WaitForOutput("waiting for the running job"));
  const Reply reply = CheckHealth(server->address());
  EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_NE(reply.message, kServing);
  EXPECT_EQ(server->Run({"cancel", job}).exit_code, 0);
  EXPECT_EQ(server->process().Wait(), 0) << server->process().err();
}

}  // namespace
}  // namespace circuitd

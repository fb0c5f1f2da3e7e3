// Calls that keep their device for long: others get their answers meanwhile.
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "circuitd/v1/inference.grpc.pb.h"
#include "circuitd/v1/reading.grpc.pb.h"
#include "tests/unit/service/rpc_messages.h"
#include "tests/unit/service/rpc_test_util.h"

namespace circuitd {
namespace {

// A logit lens of minutes, read on a thread of its own.
class LongLens {
 public:
  explicit LongLens(std::unique_ptr<v1::ReadingService::Stub> stub) : stub_(std::move(stub)) {
    v1::RunLogitLensRequest request;
    request.set_model("seqcont");
    request.mutable_positions();
    const v1::Prompt prompt = Ids(std::vector<uint32_t>(64, 7));
    for (int i = 0; i < 2000; ++i) *request.mutable_prompts()->mutable_inline_()->add_clean() = prompt;
    reader_ = stub_->RunLogitLens(&context_, request);
    thread_ = std::thread([this] {
      ReadAll<v1::RunLogitLensResponse>(*reader_);
      ended_ = true;
    });
  }

  bool ended() const { return ended_; }

  grpc::Status Cancel() {
    context_.TryCancel();
    thread_.join();
    return reader_->Finish();
  }

 private:
  const std::unique_ptr<v1::ReadingService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::RunLogitLensResponse>> reader_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

class LongCallsRpcTest : public RpcTest {
 protected:
  grpc::Status Forward() {
    v1::ForwardRequest request;
    request.set_model("seqcont");
    *request.add_prompts() = Ids({1, 2, 3});
    grpc::ClientContext context;
    const auto reader = Stub<v1::InferenceService>()->Forward(&context, request);
    ReadAll<v1::ForwardResponse>(*reader);
    return reader->Finish();
  }
};

TEST_F(LongCallsRpcTest, ShortCallIsAnsweredBeforeEitherOfTwoLongOnesEnds) {
  ASSERT_TRUE(Forward().ok());  // the model is loaded
  LongLens first(Stub<v1::ReadingService>()), second(Stub<v1::ReadingService>());
  // Some may come before the second lens.
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Forward().ok());
  EXPECT_FALSE(first.ended());
  EXPECT_FALSE(second.ended());
  EXPECT_EQ(first.Cancel().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(second.Cancel().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Forward().ok());
}

}  // namespace
}  // namespace circuitd

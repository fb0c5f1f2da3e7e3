// A call whose prompts run in one batch with those of other calls that wait for the same model.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "server/jobs/joint_work.h"
#include "server/model/batch_share.h"
#include "server/model/joint_run.h"
#include "server/model/model.h"
#include "server/service/server_parts.h"

namespace circuitd {

class JointCall final : public JointWork {
 public:
  // What it will cost.
  struct Cost {
    double seconds = 0;  // on the device, roughly
    double flops = 0;    // of all its passes; 0: unknown
    BatchShare share;
  };

  // `answer` makes the reply after a success, with the seconds that the device worked for this call: of work for
  // several calls its share. It keeps alive what `part` refers to, but for the model.
  JointCall(const ServerParts& parts, std::shared_ptr<const Model> model, Cost cost, std::unique_ptr<JointPart> part,
            std::function<void(double seconds)> answer)
      : parts_(parts),
        model_(std::move(model)),
        cost_(cost),
        together_(cost),
        answer_(std::move(answer)),
        part_(std::move(part)) {}

  bool Take(JointWork& other) override;
  std::vector<absl::Status> Run() override;

 private:
  const ServerParts& parts_;
  const std::shared_ptr<const Model> model_;
  const Cost cost_;
  Cost together_;                  // with all that it has taken
  std::vector<JointCall*> taken_;  // outlive the run
  const std::function<void(double seconds)> answer_;
  const std::unique_ptr<JointPart> part_;
};

}  // namespace circuitd

// What the tests of the registry share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/status.h"
#include "server/model/gpt2.h"
#include "server/model/registry.h"

namespace circuitd {

inline ModelRegistry::Options In(const std::string& repository, int max_loaded_models = 8) {
  ModelRegistry::Options options;
  options.locations.repositories = {repository};
  options.max_loaded_models = max_loaded_models;
  return options;
}

inline void ExpectError(const absl::Status& status, absl::StatusCode code, const std::string& field,
                        const std::string& message) {
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_EQ(FieldOf(status), field) << status;
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(message));
}

// A loader that reads nothing.
inline std::shared_ptr<const Model> FakeModel(const ModelLocator::Location& location, DeviceId device, DType dtype) {
  return std::make_shared<const Model>(location.name, ModelConfig{}, nullptr, nullptr, nullptr, DeviceName(device),
                                       dtype);
}

}  // namespace circuitd

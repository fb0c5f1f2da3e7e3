#include "server/service/byte_budget.h"

#include <gtest/gtest.h>

#include <limits>

namespace circuitd {
namespace {

TEST(ByteBudgetTest, RefusesWhatIsOverTheLimitAndGivesBack) {
  ByteBudget budget(10);
  ByteBudget::Reservation first(&budget);
  EXPECT_TRUE(first.Grow(6));
  {
    ByteBudget::Reservation second(&budget);
    EXPECT_FALSE(second.Grow(5));
    EXPECT_FALSE(second.Grow(std::numeric_limits<int64_t>::max()));
    EXPECT_TRUE(second.Grow(4));
    EXPECT_FALSE(first.Grow(1));
  }
  EXPECT_TRUE(first.Grow(4));
}

TEST(ByteBudgetTest, GivesBackWhatIsNotNeededAnyMore) {
  ByteBudget budget(10);
  ByteBudget::Reservation first(&budget), second(&budget);
  EXPECT_TRUE(first.Grow(10));
  first.ShrinkTo(11);
  EXPECT_FALSE(second.Grow(1));
  first.ShrinkTo(4);
  EXPECT_FALSE(second.Grow(7));
  EXPECT_TRUE(second.Grow(6));
}

TEST(ByteBudgetTest, MovedReservationsAreGivenBackOnce) {
  ByteBudget budget(10);
  {
    ByteBudget::Reservation first(&budget);
    EXPECT_TRUE(first.Grow(10));
    ByteBudget::Reservation second(std::move(first));
    ByteBudget::Reservation third(&budget);
    third = std::move(second);
    EXPECT_FALSE(third.Grow(1));
  }
  ByteBudget::Reservation all(&budget);
  EXPECT_TRUE(all.Grow(10));
}

}  // namespace
}  // namespace circuitd

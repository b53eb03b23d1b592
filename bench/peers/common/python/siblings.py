"""The collections whose routes stand beside /record/{id}: three each, see docs/SPEC.md."""

NAMES = (
    "accounts addresses agents articles assets authors batches books branches carts categories channels comments contacts contracts coupons "
    "customers devices events files groups images invoices labels members messages orders payments products reviews tickets users vendors"
).split()
FIRST_BEHIND_RECORD = "reviews"  # where /record/{id} is registered, for routers that look at one route after the other

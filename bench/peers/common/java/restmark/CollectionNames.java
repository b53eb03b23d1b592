package restmark;

import java.util.List;

/** The names of the 33 collections whose 99 routes stand beside /record/{id}, in the order in which they are registered. */
public final class CollectionNames {
    public static final List<String> BEFORE_RECORD = List.of((
        "accounts addresses agents articles assets authors batches books branches carts categories channels comments contacts "
        + "contracts coupons customers devices events files groups images invoices labels members messages orders payments products")
        .split(" "));
    public static final List<String> AFTER_RECORD = List.of("reviews", "tickets", "users", "vendors");

    private CollectionNames() {}
}

package restmark;

/** A request that has to be refused with this status; the message says why. */
public final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1;
    public final int status;

    public Refusal(int status, String message) {
        super(message, null, false, false); // no stack trace: it tells of the request alone
        this.status = status;
    }
}

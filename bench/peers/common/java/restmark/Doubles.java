package restmark;

/** Doubles as JSON has them here: the shortest digits, which Java finds, laid out as docs/SPEC.md demands, which Java does not. */
public final class Doubles {
    private Doubles() {}

    /** The text of a finite double: 1569882498.9117897 where Double.toString() has 1.5698824989117897E9. */
    public static String text(double value) {
        String java = Double.toString(value);
        int e = java.indexOf('E');
        if (e < 0) {
            return java; // 0.001 to 10 million: both have it alike
        }
        int sign = java.charAt(0) == '-' ? 1 : 0;
        int exponent = Integer.parseInt(java, e + 1, java.length(), 10);
        StringBuilder text = new StringBuilder(32).append(java, 0, e).deleteCharAt(sign + 1);
        if (text.charAt(sign + 1) == '0' && text.length() == sign + 2) {
            text.setLength(sign + 1); // 1.0E20 has one digit, not two
        }
        int digits = text.length() - sign;
        if (exponent >= 16 || exponent < -4) {
            if (digits > 1) {
                text.insert(sign + 1, '.');
            }
            text.append('e').append(exponent < 0 ? '-' : '+');
            if (Math.abs(exponent) < 10) {
                text.append('0');
            }
            return text.append(Math.abs(exponent)).toString();
        }
        if (exponent < 0) {
            return text.insert(sign, "0.0000", 0, 1 - exponent).toString();
        }
        for (int i = digits; i < exponent + 2; i++) {
            text.append('0');
        }
        return text.insert(sign + exponent + 1, '.').toString();
    }
}

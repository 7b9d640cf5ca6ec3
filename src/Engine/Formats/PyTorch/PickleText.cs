using System.Globalization;
using System.Numerics;
using System.Text;

namespace Engine.Formats.PyTorch;

/// <summary>Numbers and texts as the line-wise protocols 0 and 1 of pickles write them.</summary>
internal static class PickleText
{
    /// <summary>The most bytes that an integer may have: far more than any seed or random state.</summary>
    public const int MaxIntegerBytes = 1 << 10;

    /// <summary>An integer as a long, or a <see cref="BigInteger"/> where it does not fit.</summary>
    /// <exception cref="InvalidDataException">The line is no integer.</exception>
    public static object Integer(string line) =>
        line.Length <= 2 * MaxIntegerBytes && BigInteger.TryParse(line, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out BigInteger value)
            ? Narrowed(value)
            : throw new InvalidDataException("its pickle has an integer that is none");

    /// <summary>An integer, or one of the truth values, which protocol 0 writes as 01 and 00.</summary>
    public static object IntegerOrTruth(string line) => line switch { "01" => true, "00" => false, _ => Integer(line) };

    /// <summary>An integer from its bytes, least significant first.</summary>
    public static object Narrowed(BigInteger value) => value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value;

    /// <summary>A place or a count: a plain sequence of digits.</summary>
    /// <param name="line">The digits.</param>
    /// <param name="what">What it is, for the message.</param>
    public static long Count(string line, string what) =>
        long.TryParse(
            line, NumberStyles.None, CultureInfo.InvariantCulture,
            out long value) ? value : throw new InvalidDataException($"its pickle has {what} that is none");

    /// <summary>A real number, infinities and NaN included.</summary>
    public static double Real(string line) => line switch
    {
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        "nan" or "-nan" => double.NaN,
        _ => double.TryParse(line, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? value
            : throw new InvalidDataException("its pickle has a number that is none"),
    };

    /// <summary>A text of Python 2 as its <c>repr</c> writes it: in quotes, with \n, \x41 and the like.</summary>
    /// <exception cref="InvalidDataException">It has no quotes.</exception>
    public static string Unquoted(string line)
    {
        if (line.Length < 2 || line[0] != line[^1] || line[0] is not ('\'' or '"'))
        {
            throw new InvalidDataException("its pickle has a text without quotes");
        }

        return Unescaped(line[1..^1], escape => escape switch
        {
            'n' => "\n",
            'r' => "\r",
            't' => "\t",
            '\\' or '\'' or '"' => escape.ToString(),
            _ => null,
        }, ('x', 2));
    }

    /// <summary>A text of protocol 0, whose characters beyond Latin-1 are written as \u20ac or \U0001f600.</summary>
    /// <param name="line">The bytes, each as a character.</param>
    public static string RawUnicode(string line) => Unescaped(line, _ => null, ('u', 4), ('U', 8));

    // What is no escape stays as it is, as Python reads it.
    private static string Unescaped(string text, Func<char, string?> single, params (char Letter, int Digits)[] numeric)
    {
        if (!text.Contains('\\', StringComparison.Ordinal))
        {
            return text;
        }

        StringBuilder plain = new(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\' || i + 1 == text.Length)
            {
                plain.Append(text[i]);
                continue;
            }

            char letter = text[i + 1];
            int digits = numeric.FirstOrDefault(n => n.Letter == letter).Digits;
            if (digits > 0 && i + 2 + digits <= text.Length
                && uint.TryParse(text.AsSpan(i + 2, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code)
                && code <= 0x10FFFF)
            {
                // Halves of a pair come one after the other.
                plain.Append(code <= 0xFFFF ? ((char)code).ToString() : char.ConvertFromUtf32((int)code));
                i += 1 + digits;
            }
            else if (single(letter) is { } character)
            {
                plain.Append(character);
                i++;
            }
            else
            {
                plain.Append('\\');
            }
        }

        return plain.ToString();
    }
}

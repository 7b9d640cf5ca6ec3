using System.Globalization;

namespace Engine.Layers;

/// <summary>Numbers as Python prints them, for trees of modules that equal PyTorch's.</summary>
internal static class PythonText
{
    /// <summary>A float: 0.1, 1.0, 1e-05.</summary>
    public static string Of(double number)
    {
        string text = number.ToString(CultureInfo.InvariantCulture).Replace('E', 'e');
        return text.AsSpan().IndexOfAny('.', 'e') < 0 ? text + ".0" : text;
    }

    /// <summary>A size as a layer keeps it that was given one number for both ways: 3, or (3, 2) where they differ.</summary>
    public static string Of(Size2 size) => size.Height == size.Width ? size.Height.ToString(CultureInfo.InvariantCulture) : size.ToString();
}

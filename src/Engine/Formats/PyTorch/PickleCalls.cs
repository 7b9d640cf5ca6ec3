using System.Globalization;
using System.Text.RegularExpressions;

namespace Engine.Formats.PyTorch;

/// <summary>
/// What comes of a pickle's calls. Known functions compute their value (<see cref="PickleGlobals"/>); all others, and known ones that are
/// given something unusual, make a <see cref="PickleObject"/> that does nothing.
/// </summary>
internal static partial class PickleCalls
{
    // Functions that make an object of the class that is their first argument.
    private static readonly HashSet<string> Makers = new(StringComparer.Ordinal)
    {
        "copyreg._reconstructor", "copy_reg._reconstructor", "copyreg.__newobj__", "copy_reg.__newobj__", "copyreg.__newobj_ex__", "copy_reg.__newobj_ex__",
        "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct", "torch._utils._rebuild_wrapper_subclass",
    };

    /// <summary>The value of a call.</summary>
    /// <param name="function">What is called.</param>
    /// <param name="arguments">By place.</param>
    /// <param name="hasNames">Whether there are arguments by name besides, which no known function takes.</param>
    /// <exception cref="InvalidDataException">What is called can be no function, or a tensor is described wrongly.</exception>
    public static object? Call(object? function, object?[] arguments, bool hasNames = false)
    {
        switch (function)
        {
            case PickleGlobal { Call: { } call } when !hasNames && call(arguments) is { } value:
                return value;
            case PickleGlobal global:
                return Object(global, arguments);
            case PickleObject called:
                return new PickleObject(called.Name);
            default:
                throw new InvalidDataException($"its pickle calls {PickleReader.Kind(function)}, which is no function");
        }
    }

    /// <summary>Gives an object its state, which sets attributes, in the order of the file.</summary>
    /// <exception cref="InvalidDataException">What gets it can have no attributes.</exception>
    public static void Build(object? target, object? state)
    {
        switch (target)
        {
            case PickleObject built:
                // Of classes with slots, the state is a pair: what is in the dictionary and what is in slots.
                built.State = state as PickleTuple;
                built.Attributes = state as PickleDict ?? (state is PickleTuple { Items: [PickleDict first, ..] } ? first : built.Attributes);
                break;

            // Attributes such as a state dictionary's _metadata are not needed, and neither are those of a tensor's own class.
            case PickleDict or PickleList or PickleTuple or PickleTensor or PickleStorage or PickleGlobal:
                break;
            default:
                throw new InvalidDataException($"its pickle sets attributes of {PickleReader.Kind(target)}");
        }
    }

    /// <summary>
    /// The persistent id of protocol 0, which Python writes as a text: ('storage', &lt;class 'torch.FloatStorage'&gt;, '0', 'cpu', 4).
    /// </summary>
    public static object? PersistentId(string text)
    {
        Match match = StorageText().Match(text);
        return match.Success
            ? new PickleTuple([
                "storage", PickleGlobals.Find(match.Groups[1].Value, match.Groups[2].Value), match.Groups[3].Value, match.Groups[4].Value,
                long.Parse(match.Groups[5].Value, CultureInfo.InvariantCulture)])
            : text;
    }

    private static PickleObject Object(PickleGlobal function, object?[] arguments)
    {
        PickleObject made = new(Makers.Contains(function.Name) && arguments is [PickleGlobal type, ..] ? type.Name : function.Name)
        {
            IsTensor = function.Name.StartsWith("torch._utils._rebuild_", StringComparison.Ordinal),
        };

        // Counter({...}), or an older protocol's _reconstructor(Counter, dict, {...}).
        made.Items = arguments.OfType<PickleDict>().FirstOrDefault();
        return made;
    }

    [GeneratedRegex(@"^\('storage', <class '(torch(?:\.cuda|\.storage)?)\.(\w{1,64})'>, '([^']{1,64})', '([^']{0,64})', (\d{1,18})(?:, None)?\)$", RegexOptions.CultureInvariant)]
    private static partial Regex StorageText();
}

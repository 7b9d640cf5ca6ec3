using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Engine.Mutations;

/// <summary>A small mistake in the place of an expression or a statement.</summary>
internal sealed class Mutant
{
    public const string Survived = "survived", NotReached = "not reached", Killed = "killed", TimedOut = "timed out", Crashed = "crashed";

    /// <summary>Characters of the state in a line of the report.</summary>
    public const int StateWidth = 11;

    /// <summary>By this the planted code knows it.</summary>
    public int Id { get; set; }

    /// <summary>The folder of src/Engine.</summary>
    public required string Folder { get; init; }

    /// <summary>The file, of the copy.</summary>
    public required string File { get; init; }

    /// <summary>Where the original stands in the file.</summary>
    public required TextSpan Span { get; init; }

    /// <summary>Its line, from 1.</summary>
    public required int Line { get; init; }

    /// <summary>The original.</summary>
    public required string Before { get; init; }

    /// <summary>What is done to it, in short.</summary>
    public required string After { get; init; }

    /// <summary>The mistake, made of the node with what is planted inside it; null where the node is left out.</summary>
    public required Func<SyntaxNode, SyntaxNode?> Mistake { get; init; }

    /// <summary>Whether it compiles.</summary>
    public bool IsValid { get; set; } = true;

    /// <summary>What has become of it.</summary>
    public string State { get; set; } = "";

    /// <summary>Which test noticed it.</summary>
    public string By { get; set; } = "";

    /// <summary>Whether a state, or a line that begins with it, is one of those that count as noticed.</summary>
    public static bool WasNoticed(string state) => ((string[])[Killed, TimedOut, Crashed]).Any(s => state.StartsWith(s, StringComparison.Ordinal));
}

using Engine.Data;
using Engine.Models;

namespace Engine.Study.Tests;

/// <summary>The derivation with numbers: gradients by hand, by the tape and by finite differences agree.</summary>
public class BlockExplanationTests
{
    [Theory]
    [InlineData(ShortcutKind.A)]
    [InlineData(ShortcutKind.C)]
    public void Gradients_by_hand_agree_with_the_tape_and_with_finite_differences(ShortcutKind shortcut)
    {
        BlockExplanation explanation = BlockExplanation.Of(new StudyOptions { Depths = [8], Shortcut = shortcut }, DataSets.Open("digits"));
        Assert.InRange(explanation.TapeError, 0, 1e-14);
        Assert.InRange(explanation.LargestError, 1e-16, 1e-6);
        Assert.Contains(explanation.Lines, line => line.Contains("\"+1\"", StringComparison.Ordinal));
        Assert.All(explanation.Lines, line => Assert.DoesNotContain("NaN", line));
    }

    [Fact]
    public void A_block_that_starts_as_its_shortcut_has_nothing_to_explain() => Assert.Contains(
        "zero-residual",
        Assert.Throws<EngineException>(() => BlockExplanation.Of(
            new StudyOptions { Depths = [8], Initialization = "zero-residual" }, DataSets.Open("digits"))).Message);
}

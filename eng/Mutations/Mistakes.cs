using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Engine.Mutations;

/// <summary>The mistakes that can be made of code: another operator, a negated condition, a constant more by one, a statement left out.</summary>
internal static class Mistakes
{
    private static readonly Dictionary<SyntaxKind, (SyntaxKind Kind, SyntaxKind Token)[]> Operators = new()
    {
        [SyntaxKind.AddExpression] = [(SyntaxKind.SubtractExpression, SyntaxKind.MinusToken)],
        [SyntaxKind.SubtractExpression] = [(SyntaxKind.AddExpression, SyntaxKind.PlusToken)],
        [SyntaxKind.MultiplyExpression] = [(SyntaxKind.DivideExpression, SyntaxKind.SlashToken)],
        [SyntaxKind.DivideExpression] = [(SyntaxKind.MultiplyExpression, SyntaxKind.AsteriskToken)],
        [SyntaxKind.ModuloExpression] = [(SyntaxKind.MultiplyExpression, SyntaxKind.AsteriskToken)],
        [SyntaxKind.LessThanExpression] =
        [
            (SyntaxKind.LessThanOrEqualExpression, SyntaxKind.LessThanEqualsToken),
            (SyntaxKind.GreaterThanOrEqualExpression, SyntaxKind.GreaterThanEqualsToken),
        ],
        [SyntaxKind.LessThanOrEqualExpression] =
            [(SyntaxKind.LessThanExpression, SyntaxKind.LessThanToken), (SyntaxKind.GreaterThanExpression, SyntaxKind.GreaterThanToken)],
        [SyntaxKind.GreaterThanExpression] =
        [
            (SyntaxKind.GreaterThanOrEqualExpression, SyntaxKind.GreaterThanEqualsToken),
            (SyntaxKind.LessThanOrEqualExpression, SyntaxKind.LessThanEqualsToken),
        ],
        [SyntaxKind.GreaterThanOrEqualExpression] =
            [(SyntaxKind.GreaterThanExpression, SyntaxKind.GreaterThanToken), (SyntaxKind.LessThanExpression, SyntaxKind.LessThanToken)],
        [SyntaxKind.EqualsExpression] = [(SyntaxKind.NotEqualsExpression, SyntaxKind.ExclamationEqualsToken)],
        [SyntaxKind.NotEqualsExpression] = [(SyntaxKind.EqualsExpression, SyntaxKind.EqualsEqualsToken)],
        [SyntaxKind.LogicalAndExpression] = [(SyntaxKind.LogicalOrExpression, SyntaxKind.BarBarToken)],
        [SyntaxKind.LogicalOrExpression] = [(SyntaxKind.LogicalAndExpression, SyntaxKind.AmpersandAmpersandToken)],
        [SyntaxKind.BitwiseAndExpression] = [(SyntaxKind.BitwiseOrExpression, SyntaxKind.BarToken)],
        [SyntaxKind.LeftShiftExpression] = [(SyntaxKind.RightShiftExpression, SyntaxKind.GreaterThanGreaterThanToken)],
        [SyntaxKind.RightShiftExpression] = [(SyntaxKind.LeftShiftExpression, SyntaxKind.LessThanLessThanToken)],
    };

    /// <summary>All mutants of a file.</summary>
    public static IEnumerable<Mutant> In(string folder, string file, SyntaxNode root)
    {
        foreach (SyntaxNode node in root.DescendantNodes(n => !IsFixed(n)).Where(n => !IsFixed(n)))
        {
            foreach ((string after, Func<SyntaxNode, SyntaxNode?> mistake) in Of(node))
            {
                yield return new Mutant
                {
                    Folder = folder,
                    File = file,
                    Span = node.Span,
                    Line = node.GetLocation().GetLineSpan().StartLinePosition.Line + 1,
                    Before = Regex.Replace(node.ToString(), @"\s+", " "),
                    After = after,
                    Mistake = mistake,
                };
            }
        }
    }

    /// <summary>The mistakes that can be made of a node.</summary>
    public static IEnumerable<(string After, Func<SyntaxNode, SyntaxNode?> Mistake)> Of(SyntaxNode node)
    {
        switch (node)
        {
            case BinaryExpressionSyntax binary when Operators.TryGetValue(binary.Kind(), out (SyntaxKind Kind, SyntaxKind Token)[]? others) && !HasText(binary):
                foreach ((SyntaxKind kind, SyntaxKind token) in others)
                {
                    yield return ($"{SyntaxFactory.Token(token)}", n => n is BinaryExpressionSyntax b
                        ? SyntaxFactory.BinaryExpression(kind, b.Left, SyntaxFactory.Token(token).WithTriviaFrom(b.OperatorToken), b.Right) : n);
                }

                break;
            case PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.LogicalNotExpression }:
                yield return ("without !", n => ((PrefixUnaryExpressionSyntax)n).Operand);
                break;
            case PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.UnaryMinusExpression }:
                yield return ("without -", n => ((PrefixUnaryExpressionSyntax)n).Operand);
                break;
            case LiteralExpressionSyntax { RawKind: (int)SyntaxKind.TrueLiteralExpression }:
                yield return ("false", _ => SyntaxFactory.ParseExpression("false"));
                break;
            case LiteralExpressionSyntax { RawKind: (int)SyntaxKind.FalseLiteralExpression }:
                yield return ("true", _ => SyntaxFactory.ParseExpression("true"));
                break;
            case LiteralExpressionSyntax { RawKind: (int)SyntaxKind.NumericLiteralExpression } number:
                yield return ($"{number.Token.Text} + 1", _ => SyntaxFactory.ParseExpression($"{number.Token.Text} + 1"));
                break;
            case ExpressionSyntax condition when IsCondition(condition):
                yield return ("not", n => SyntaxFactory.ParseExpression($"!({n})"));
                break;
            case ExpressionStatementSyntax { Expression: AssignmentExpressionSyntax { RawKind: (int)SyntaxKind.AddAssignmentExpression } }:
                yield return ("-=", n => Assignment(n, "-="));
                yield return ("removed", _ => null);
                break;
            case ExpressionStatementSyntax { Expression: AssignmentExpressionSyntax { RawKind: (int)SyntaxKind.SubtractAssignmentExpression } }:
                yield return ("+=", n => Assignment(n, "+="));
                yield return ("removed", _ => null);
                break;
            case ExpressionStatementSyntax { Expression: InvocationExpressionSyntax or AssignmentExpressionSyntax or PostfixUnaryExpressionSyntax }:
                yield return ("removed", _ => null);
                break;
        }
    }

    // The sum of texts has no difference.
    private static bool HasText(SyntaxNode node) =>
        node.DescendantNodes().Any(n => n is InterpolatedStringExpressionSyntax || n.IsKind(SyntaxKind.StringLiteralExpression));

    private static bool IsCondition(ExpressionSyntax node) =>
        node.Parent switch { IfStatementSyntax i => i.Condition == node, ConditionalExpressionSyntax c => c.Condition == node, _ => false };

    private static StatementSyntax Assignment(SyntaxNode statement, string token)
    {
        AssignmentExpressionSyntax assignment = (AssignmentExpressionSyntax)((ExpressionStatementSyntax)statement).Expression;
        return SyntaxFactory.ParseStatement($"{assignment.Left} {token} {assignment.Right};");
    }

    // Constants, patterns and attributes cannot be switched, and the texts of errors are no behavior.
    private static bool IsFixed(SyntaxNode node) => node switch
    {
        AttributeListSyntax or EnumMemberDeclarationSyntax or PatternSyntax or SwitchLabelSyntax or InterpolationAlignmentClauseSyntax => true,
        ThrowStatementSyntax or ThrowExpressionSyntax or EqualsValueClauseSyntax { Parent: ParameterSyntax } => true,
        InvocationExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.Text: "nameof" } } => true,
        FieldDeclarationSyntax field => field.Modifiers.Any(SyntaxKind.ConstKeyword),
        LocalDeclarationStatementSyntax local => local.IsConst,
        _ => false,
    };
}

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Engine.Mutations;

/// <summary>Puts mutants into a file, each beside what it takes the place of.</summary>
internal sealed class Planter(Dictionary<TextSpan, Mutant> mutants) : CSharpSyntaxRewriter
{
    public override SyntaxNode? Visit(SyntaxNode? node)
    {
        SyntaxNode? visited = base.Visit(node);

        // An expression may fill a whole argument, which has its span too.
        if (node is null || visited is null || !mutants.TryGetValue(node.Span, out Mutant? mutant) || Mistakes.Of(node).All(m => m.After != mutant.After))
        {
            return visited;
        }

        string on = $"global::Engine.Mutant.Is({mutant.Id})";
        SyntaxNode bare = visited.WithoutTrivia();
        return visited switch
        {
            ExpressionSyntax => SyntaxFactory.ParseExpression($"({on} ? ({mutant.Mistake(bare)}) : ({bare}))").WithTriviaFrom(visited),
            StatementSyntax when mutant.Mistake(bare) is { } other =>
                SyntaxFactory.ParseStatement($"if ({on}) {{ {other} }} else {{ {bare} }}").WithTriviaFrom(visited),
            StatementSyntax => SyntaxFactory.ParseStatement($"if (!{on}) {{ {bare} }}").WithTriviaFrom(visited),
            _ => visited,
        };
    }
}
